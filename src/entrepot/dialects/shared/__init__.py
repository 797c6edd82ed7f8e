"""What dialects of one family have in common."""
