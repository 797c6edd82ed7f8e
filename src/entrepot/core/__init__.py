"""Our vocabulary and contracts. No I/O, no clock."""
