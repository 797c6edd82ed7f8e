"""Prices: what a kind of token, or a unit, of a model costs from a moment on."""
