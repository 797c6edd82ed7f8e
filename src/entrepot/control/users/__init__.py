"""Users: the accounts that own keys."""
