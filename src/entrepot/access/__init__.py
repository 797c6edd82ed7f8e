"""Who may? Keys, addresses, models."""
