"""What happened? Metrics, the call log, usage rows and logs: listeners of finished `Record`s."""
