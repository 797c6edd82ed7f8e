"""Usage: the calls that were made, one by one and in sums. Read only."""
