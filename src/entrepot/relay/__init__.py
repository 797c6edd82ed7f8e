"""How does a call run? Admit, peek, hold, send, forward, settle."""
