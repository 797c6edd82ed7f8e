"""What a client has been given, counted by ourselves on the events: the base of a bill where the vendor counts nothing."""

from entrepot.core.counting import Tally
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Failed, Finish, Held, Produced, Proved
from entrepot.core.faults import Fault
from entrepot.core.usage import Basis, Usage

_TOKENS_PER_CALL = 8
"""What a tool call costs beside its name and arguments, about: the median over recordings of OpenAI's models."""


class Delivered:
    """Adds up an answer as it passes."""

    __slots__ = ("_calls", "_text", "_thought", "content", "empty", "fault", "usage")

    def __init__(self) -> None:
        self.content = False
        """The first content has come. An empty answer that finishes is an answer."""
        self.empty = True
        """Nothing that a client could read has come."""
        self.fault: Fault | None = None
        """An error inside the answer."""
        self.usage: Usage | None = None
        """The vendor's own count, once it came."""
        self._text = Tally()
        self._thought = Tally()
        self._calls = 0

    def note(self, event: Event) -> None:
        """One event."""
        match event:
            case Delta(kind=kind, text=text):
                self._said()
                (self._thought if kind == "thinking" else self._text).add(text)
            case CallDelta(text=text):
                self._text.add(text)
            case Counted(usage=usage):
                self.usage = usage
            case CallBegin(name=name):
                self._said()
                self._calls += 1
                self._text.add(name)
            case Failed(fault=fault):
                self.fault = fault
            case Begin(usage=usage):
                self.usage = usage or self.usage
            case Produced() | Held():
                self._said()
            case Proved() | Finish():
                self.content = True
            case _:
                pass

    def _said(self) -> None:
        self.content = True
        self.empty = False

    def counted(self) -> Usage:
        """Our own count; what went in is not known here."""
        output = self._text.tokens + _TOKENS_PER_CALL * self._calls
        return Usage(output=output, reasoning=self._thought.tokens, basis=Basis.COUNTED)
