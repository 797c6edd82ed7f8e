"""Channels: one account at one vendor, with its keys, its models and its limits."""
