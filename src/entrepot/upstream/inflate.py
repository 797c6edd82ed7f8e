"""Unfolds a gzip or deflate body piece by piece, in bounded memory."""

import zlib

OUTPUT = 256 * 1024
"""Most bytes that one piece may unfold to: a bomb costs its sender's time, never our memory."""


class Inflater:
    """Feed compressed bytes in, get at most OUTPUT bytes out; while `more` is set feed b"" for the rest."""

    __slots__ = ("_deflate", "_engine", "_tail", "more")

    def __init__(self, *, deflate: bool) -> None:
        self._deflate = deflate
        self._engine: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage]
        self._tail = b""
        self.more = False

    @property
    def whole(self) -> bool:
        """The compressed data ended where it should, or never began."""
        return self._engine is None or self._engine.eof

    def decode(self, data: bytes) -> bytes:
        """The next piece of output, perhaps b"". Raises zlib.error."""
        if self._engine is None:
            # "deflate" should mean zlib's format but some servers send the bare stream: zlib's first byte tells.
            bare = self._deflate and data[0] & 0x8F != 0x08
            self._engine = zlib.decompressobj(-15 if bare else 47)
        engine = self._engine
        output = engine.decompress(self._tail + data, OUTPUT)
        if engine.unused_data:
            raise zlib.error("bytes after the end of the compressed body")
        self._tail = engine.unconsumed_tail
        self.more = len(output) == OUTPUT
        return output
