"""How much is left? Leases, journal and flusher behind hold, grow and settle (docs/decisions/0005)."""
