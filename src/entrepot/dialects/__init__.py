"""Wire formats: bytes in, facts out. No I/O, no clock, and no dialect knows another."""
