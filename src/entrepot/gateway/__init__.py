"""The data plane: one file a public endpoint family. Raw ASGI; no ORM, no pydantic."""
