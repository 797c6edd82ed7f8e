"""Wallets: what users have, and the ledger that says why."""
