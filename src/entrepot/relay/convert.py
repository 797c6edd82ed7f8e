"""Different dialects on the two sides: the vendor's bytes become events, the events the client's bytes.

A conversion is a tap like any other (core/dialect.py, Tap): forwarding, failover, money and cut-off do not know the difference.
"""

from collections.abc import Iterable

from entrepot.core.conversion import Reader, Writer, Written
from entrepot.core.delivered import Delivered
from entrepot.core.emulation import Emulation
from entrepot.core.events import Event
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage

MAX_WHOLE = 64 * 1024 * 1024
"""Bytes of a whole answer that is converted (pictures come inside)."""


class ConvertedTap:
    """One answer on its way through the vocabulary."""

    __slots__ = ("_delivered", "_emulation", "_ended", "_pieces", "_reader", "_size", "_writer", "done")

    def __init__(self, reader: Reader, writer: Writer, written: Written, *, stream: bool) -> None:
        self.done = False
        self._delivered = Delivered()
        self._pieces: list[bytes] | None = None if stream else []
        """Of a whole answer, which is read when all of it has come."""
        self._size = 0
        self._reader = reader
        self._writer = writer
        self._emulation = Emulation(written) if Emulation.needed(written) else None
        self._ended = False

    @property
    def content(self) -> bool:
        """The first content has come."""
        return self._delivered.content

    @property
    def fault(self) -> Fault | None:
        """An error inside the answer."""
        return self._delivered.fault

    @property
    def usage(self) -> Usage | None:
        """The vendor's own count."""
        return self._delivered.usage

    @property
    def empty(self) -> bool:
        """Nothing has come that a client could read."""
        return self._delivered.empty

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give what the client may have. Raises Fault(VENDOR_GARBAGE)."""
        if self._pieces is not None:
            self._pieces.append(data)
            self._size += len(data)
            if self._size > MAX_WHOLE:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer is too large to be converted.")
            return b""
        if self.fault is not None:
            return b""  # the client has been told, and reads no more
        out = self._pass(self._reader.feed(data))
        self.done = self._reader.done and self.fault is None
        return out

    def end(self) -> bytes:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) where the answer is not complete."""
        if self.fault is not None:
            return b""
        out = b""
        if self._pieces is not None:
            out = self._pass(self._reader.feed(b"".join(self._pieces)))
        if not self._reader.done and self.fault is None:
            out += self._pass(self._reader.end())
        self.done = self.fault is None
        return out

    def last(self, cost: str) -> bytes:
        """The end of the answer, which waited for its cost."""
        if self._ended or not self.done:
            return b""
        self._ended = True
        return self._writer.end(cost)

    def cutoff(self) -> bytes:
        """The client's own well-formed end."""
        self._ended = True
        return self._writer.cutoff()

    def counted(self) -> Usage:
        """Our own count of what was delivered."""
        return self._delivered.counted()

    def _pass(self, events: list[Event]) -> bytes:
        for place, event in enumerate(events):
            self._delivered.note(event)
            if self.fault is not None:
                self.fault.vendor = None  # the body of another dialect is told, not shown
                events = events[:place]
                break
        passed: Iterable[Event] = events if self._emulation is None else self._emulation.undo(events)
        out = self._writer.feed(passed)
        # Before the first content the relay drops all this and tries elsewhere.
        return out + self._writer.late(self.fault) if self.fault is not None else out
