"""Vendors: values that describe requests. No I/O; only `upstream/` sends."""
