"""Who pays? Hold before the call, settle after it."""
