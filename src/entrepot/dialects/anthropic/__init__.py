"""Anthropic's wire format: Messages, whole and streamed, and the counting of tokens."""
