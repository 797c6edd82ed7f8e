"""Retention: what is deleted when it is old, so that no table grows without end. Money's totals stay."""
