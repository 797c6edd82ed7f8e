"""Keys: what clients send. Kept as SHA-256 only; the secret is shown once."""
