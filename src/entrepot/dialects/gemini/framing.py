"""Streams for clients that did not ask for `alt=sse`: one JSON array, an object a frame.

Vendors are always asked for SSE, whose frames can be told apart without reading JSON.
"""

from entrepot.core.dialect import Tap
from entrepot.core.faults import Fault
from entrepot.core.usage import Usage
from entrepot.kit import sse


class ArrayTap:
    """Frames of another tap as items of an array (contract: core/dialect.py, Tap)."""

    __slots__ = ("_begun", "_closed", "_frames", "_inner")

    def __init__(self, inner: Tap) -> None:
        self._inner = inner
        self._frames = sse.Splitter()
        self._begun = False
        self._closed = False

    @property
    def content(self) -> bool:
        """The first content has come."""
        return self._inner.content

    @property
    def done(self) -> bool:
        """The answer is complete."""
        return self._inner.done

    @property
    def fault(self) -> Fault | None:
        """An error inside the answer."""
        return self._inner.fault

    @property
    def usage(self) -> Usage | None:
        """The vendor's own count."""
        return self._inner.usage

    @property
    def empty(self) -> bool:
        """Nothing has come that a client could read."""
        return self._inner.empty

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give whole items."""
        return self._items(self._inner.feed(data))

    def end(self) -> bytes:
        """The vendor closed: the last items."""
        return self._items(self._inner.end())

    def last(self, cost: str) -> bytes:
        """The array's end."""
        return self._items(self._inner.last(cost)) + self._close()

    def cutoff(self) -> bytes:
        """A well-formed end."""
        return self._items(self._inner.cutoff()) + self._close()

    def counted(self) -> Usage:
        """Our own count."""
        return self._inner.counted()

    def _close(self) -> bytes:
        if self._closed:
            return b""
        self._closed = True
        return b"]" if self._begun else b"[]"

    def _items(self, data: bytes) -> bytes:
        out: list[bytes] = []
        for frame in self._frames.feed(data) if data else ():
            payload = sse.read(frame).data
            if payload:
                out.append((b",\r\n" if self._begun else b"[") + payload)
                self._begun = True
        return b"".join(out)
