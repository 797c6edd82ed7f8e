"""Small tools that know nothing of AI or money."""
