"""Different dialects on the two sides: the vendor's bytes become events, the events the client's bytes.

A conversion is a tap like any other (core/dialect.py, Tap): forwarding, failover, money and cut-off do not know the difference.
"""

from collections.abc import Iterable

from entrepot.core.conversion import Reader, Writer, Written
from entrepot.core.counting import Tally
from entrepot.core.emulation import Emulation
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Failed, Finish, Produced, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage

MAX_WHOLE = 64 * 1024 * 1024
"""Bytes of a whole answer that is converted (pictures come inside)."""
_TOKENS_PER_CALL = 8
"""What a tool call costs beside its name and arguments, about."""


class ConvertedTap:
    """One answer on its way through the vocabulary."""

    __slots__ = (
        "_calls", "_emulation", "_ended", "_pieces", "_reader", "_text", "_thought", "_writer",
        "content", "done", "fault", "usage",
    )  # fmt: skip

    def __init__(self, reader: Reader, writer: Writer, written: Written, *, stream: bool) -> None:
        self.content = False
        self.done = False
        self.fault: Fault | None = None
        self.usage: Usage | None = None
        self._pieces: list[bytes] | None = None if stream else []
        """Of a whole answer, which is read when all of it has come."""
        self._reader = reader
        self._writer = writer
        self._emulation = Emulation(written) if Emulation.needed(written) else None
        self._text = Tally()
        self._thought = Tally()
        self._calls = 0
        self._ended = False

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give what the client may have. Raises Fault(VENDOR_GARBAGE)."""
        if self._pieces is not None:
            self._pieces.append(data)
            if sum(map(len, self._pieces)) > MAX_WHOLE:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer is too large to be converted.")
            return b""
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
        output = self._text.tokens + _TOKENS_PER_CALL * self._calls
        return Usage(output=output, reasoning=self._thought.tokens, basis=Basis.COUNTED)

    def _pass(self, events: list[Event]) -> bytes:
        for event in events:
            self._note(event)
        passed: Iterable[Event] = events if self._emulation is None else self._emulation.undo(events)
        out = self._writer.feed(passed)
        # Before the first content the relay drops all this and tries elsewhere.
        return out + self._writer.late(self.fault) if self.fault is not None else out

    def _note(self, event: Event) -> None:
        match event:
            case Delta(kind=kind, text=text):
                self.content = True
                (self._thought if kind == "thinking" else self._text).add(text)
            case CallBegin(name=name):
                self.content = True
                self._calls += 1
                self._text.add(name)
            case CallDelta(text=text):
                self._text.add(text)
            case Counted(usage=usage):
                self.usage = usage
            case Failed(fault=fault):
                self.fault = fault
            case Begin(usage=usage):
                self.usage = usage or self.usage
            case Produced() | Proved() | Finish():
                self.content = True  # an empty answer is an answer
            case _:
                pass
