"""The data plane: one file a public endpoint family. Our own edge on llhttp; no ASGI, no ORM, no pydantic."""
