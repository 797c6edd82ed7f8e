"""A stream of events as one message: what every whole answer is written from."""

from collections.abc import Iterable

from entrepot.core.ask import Citation, Media, Native, Proof, Refusal, Text, Thinking, ToolCall
from entrepot.core.events import (
    Begin,
    CallBegin,
    CallDelta,
    Cited,
    Counted,
    Delta,
    Event,
    Failed,
    Finish,
    Held,
    Produced,
    Proved,
    Reason,
    Score,
    Scored,
)
from entrepot.core.faults import Fault
from entrepot.core.usage import Usage

Piece = Text | Thinking | Refusal | ToolCall | Media | Native
"""A part that an answer can have."""


class _Open:
    """A part that still grows."""

    __slots__ = ("citations", "of", "proof", "text")

    def __init__(self, of: str) -> None:
        self.of = of
        self.text: list[str] = []
        self.proof: Proof | None = None
        self.citations: list[Citation] = []

    def part(self) -> Text | Thinking | Refusal:
        text = "".join(self.text)
        if self.of == "thinking":
            return Thinking(text, self.proof)
        return Refusal(text) if self.of == "refusal" else Text(text, proof=self.proof, citations=tuple(self.citations))


class _Calling:
    """A call whose arguments still come."""

    __slots__ = ("begin", "proof", "text")

    def __init__(self, begin: CallBegin) -> None:
        self.begin = begin
        self.text: list[str] = []
        self.proof: Proof | None = None

    def part(self) -> ToolCall:
        begin, arguments = self.begin, "".join(self.text)
        return ToolCall(begin.id, begin.name, arguments if begin.custom else arguments or "{}", begin.custom, self.proof)


class FoldedChoice:
    """One alternative of a folded answer."""

    __slots__ = ("_calls", "_parts", "reason", "scores", "stop")

    def __init__(self) -> None:
        self._parts: list[_Open | _Calling | Media | Native] = []
        self._calls: dict[int, _Calling] = {}
        self.reason: Reason | None = None
        """None until it has finished."""
        self.stop: str | None = None
        self.scores: list[Score] = []

    def parts(self) -> list[Piece]:
        """In the order in which they began."""
        return [part if isinstance(part, Media | Native) else part.part() for part in self._parts]

    def text(self) -> str:
        """All words of the answer itself."""
        return "".join(part.text for part in self.parts() if isinstance(part, Text))

    def thinking(self) -> str:
        """All words of the reasoning."""
        return "".join(part.text for part in self.parts() if isinstance(part, Thinking))

    def calls(self) -> list[ToolCall]:
        """All tool calls."""
        return [call.part() for call in self._calls.values()]

    def take(self, event: Event) -> None:
        """One event of this choice."""
        match event:
            case Delta(kind=kind, text=text):
                self._open(kind).text.append(text)
            case CallBegin(index=index):
                self._calls[index] = _Calling(event)
                self._parts.append(self._calls[index])
            case CallDelta(index=index, text=text):
                self._calls[index].text.append(text)
            case Proved():
                self._prove(event)
            case Finish(reason=reason, stop=stop):
                self.reason, self.stop = reason, stop
            case _:
                self._take_rare(event)

    def _take_rare(self, event: Event) -> None:
        match event:
            case Produced(media=media):
                self._parts.append(media)
            case Held(native=native):
                self._parts.append(native)
            case Cited(citation=citation):
                self._open("text").citations.append(citation)
            case Scored(scores=scores):
                self.scores.extend(scores)
            case _:
                raise TypeError(f"not an event of a choice: {event!r}")

    def _open(self, of: str) -> _Open:
        last = self._parts[-1] if self._parts else None
        if isinstance(last, _Open) and last.of == of and (of != "thinking" or last.proof is None):
            return last
        opened = _Open(of)
        self._parts.append(opened)
        return opened

    def _prove(self, event: Proved) -> None:
        if event.of == "call":
            self._calls[event.index].proof = event.proof
        else:
            self._open(event.of).proof = event.proof


class Fold:
    """Folds an answer. Feed it everything; then its fields are the message."""

    __slots__ = ("begin", "choices", "fault", "usage")

    def __init__(self) -> None:
        self.begin = Begin()
        self.choices: dict[int, FoldedChoice] = {}
        """By index."""
        self.usage: Usage | None = None
        self.fault: Fault | None = None

    def feed(self, events: Iterable[Event]) -> "Fold":
        """Take events as they come."""
        for event in events:
            match event:
                case Begin():
                    self.begin = event
                    self.usage = event.usage or self.usage
                case Counted(usage=usage):
                    self.usage = usage
                case Failed(fault=fault):
                    self.fault = fault
                case _:
                    self._choice(event.choice).take(event)
        return self

    def _choice(self, index: int) -> FoldedChoice:
        return self.choices.setdefault(index, FoldedChoice())
