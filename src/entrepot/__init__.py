"""Entrepot: an AI API relay gateway. One base URL and one key in front, many vendors behind."""

__version__ = "0.1.0"
