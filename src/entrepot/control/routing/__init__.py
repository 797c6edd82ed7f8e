"""Routing: where a call would go and why, and how channels fare."""
