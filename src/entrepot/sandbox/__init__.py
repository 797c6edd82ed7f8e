"""A free built-in vendor: OpenAI's dialects over a real socket, with faults on request."""
