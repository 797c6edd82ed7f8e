"""Admin tokens: what an administrator's programs send. Kept as SHA-256 only."""
