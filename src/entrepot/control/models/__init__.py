"""Models: what is known of a name or a wildcard, apart from who serves it and what it costs."""
