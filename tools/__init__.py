"""The house's own checks: `python -m tools.house`."""
