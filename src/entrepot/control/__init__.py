"""The control plane: resources behind /api, and the same services for the commands."""
