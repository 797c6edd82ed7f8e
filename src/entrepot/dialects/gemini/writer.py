"""Events as a generateContent answer to a client: SSE frames, a JSON array, or one object."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from entrepot.core.ask import Citation, Media, Native, Refusal, Text, Thinking, ToolCall
from entrepot.core.conversion import Writing
from entrepot.core.events import (
    Begin,
    CallBegin,
    CallDelta,
    Cited,
    Counted,
    Delta,
    Event,
    Finish,
    Held,
    Produced,
    Proved,
    Reason,
)
from entrepot.core.faults import Fault
from entrepot.core.fold import Fold, FoldedChoice
from entrepot.core.usage import Usage
from entrepot.dialects.gemini import faults
from entrepot.dialects.gemini.contents import NAME
from entrepot.dialects.gemini.usage import write_usage
from entrepot.kit import json
from entrepot.kit.json import Raw

_REASONS: Mapping[Reason, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "tool_calls": "STOP",
    "content_filter": "SAFETY",
    "pause": "STOP",
}


class _Call:
    """A call whose arguments still come: here calls are whole."""

    __slots__ = ("begin", "proof", "text")

    def __init__(self, begin: CallBegin) -> None:
        self.begin = begin
        self.text: list[str] = []
        self.proof: dict[str, Any] = {}


class StreamWriter:
    """Frames as they come (contract: core/conversion.py, Writer)."""

    __slots__ = ("_calls", "_cites", "_finish", "_how", "_sent", "_usage", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"application/json" if how.array else b"text/event-stream"
        self._how = how
        self._calls: dict[tuple[int, int], _Call] = {}
        """By choice and index, in order."""
        self._cites: dict[int, list[Citation]] = {}
        self._finish: dict[int, Reason] = {}
        self._sent = 0
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Event]) -> bytes:
        """What may go out now."""
        return b"".join([frame for event in events for frame in self._event(event)])

    def end(self, cost: str = "") -> bytes:
        """The finish of every candidate, with the usage."""
        finished = self._finish or {0: "stop"}
        out = b"".join(self._flush())
        candidates = [self._candidate(index, [{"text": ""}], reason) for index, reason in sorted(finished.items())]
        last: dict[str, Any] = {"candidates": candidates}
        if self._usage is not None:
            last["usageMetadata"] = _counts(self._usage, cost)
        return out + self._frame(last) + (b"]" if self._how.array else b"")

    def cutoff(self) -> bytes:
        """Every open candidate stops at its cap."""
        self._finish = dict.fromkeys(self._finish or (0,), "length")
        return self.end()

    def late(self, fault: Fault) -> bytes:
        """The fault, and nothing after it."""
        return faults.render_late(fault)

    def _event(self, event: Event) -> Iterator[bytes]:
        match event:
            case Begin(usage=usage):
                self._usage = usage
            case Counted(usage=usage):
                self._usage = usage
            case CallBegin(index=index, choice=choice):
                self._calls[choice, index] = _Call(event)
            case CallDelta(index=index, choice=choice, text=text):
                if (call := self._calls.get((choice, index))) is not None:
                    call.text.append(text)
            case Finish(reason=reason, choice=choice):
                yield from self._flush(choice)
                self._finish[choice] = reason
            case _:
                yield from self._content(event)

    def _content(self, event: Event) -> Iterator[bytes]:
        match event:
            case Delta(kind=kind, text=text, choice=choice):
                thought = {"thought": True} if kind == "thinking" else {}
                yield from self._part(choice, {"text": text, **thought})
            case Proved(of=of, proof=proof, choice=choice, index=index):
                signed = {"thoughtSignature": proof.data} if proof.dialect == NAME else {}
                if of == "call":
                    self._prove(choice, index, signed)
                elif signed:
                    thought = {"thought": True} if of == "thinking" else {}
                    yield from self._part(choice, {"text": "", **thought, **signed})
            case Produced(media=media, choice=choice):
                yield from self._part(choice, _inline(media))
            case Held(native=native, choice=choice):
                if native.dialect == NAME:
                    yield from self._part(choice, json.decode(bytes(native.raw)))
            case Cited(citation=citation, choice=choice):
                self._cites.setdefault(choice, []).append(citation)
            case _:
                pass

    def _prove(self, choice: int, index: int, signed: dict[str, Any]) -> None:
        if (call := self._calls.get((choice, index))) is not None:
            call.proof = signed

    def _part(self, choice: int, part: dict[str, Any]) -> Iterator[bytes]:
        yield from self._flush(choice, whole=True)
        yield self._frame({"candidates": [self._candidate(choice, [part])]})

    def _flush(self, choice: int | None = None, *, whole: bool = False) -> Iterator[bytes]:
        """Calls, because the answer has ended or something else has come after them; then those only that are whole."""
        for place in [place for place in self._calls if choice is None or place[0] == choice]:
            call = self._calls[place]
            text = "".join(call.text)
            if whole and not (call.begin.custom or json.is_object(text)):
                continue
            del self._calls[place]
            part = _call(call.begin.name, call.begin.id, text, custom=call.begin.custom)
            yield self._frame({"candidates": [self._candidate(place[0], [{**part, **call.proof}])]})

    def _candidate(self, index: int, parts: list[dict[str, Any]], reason: Reason | None = None) -> dict[str, Any]:
        made: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": index}
        if reason is not None:
            made["finishReason"] = _REASONS[reason]
            if cites := self._cites.get(index):
                made["groundingMetadata"] = _grounding(cites)
        return made

    def _frame(self, fields: dict[str, Any]) -> bytes:
        said = json.encode({**fields, "modelVersion": self._how.model, "responseId": self._how.seed})
        self._sent += 1
        if self._how.array:
            return (b"[" if self._sent == 1 else b",\r\n") + said
        return b"data: " + said + b"\r\n\r\n"


class WholeWriter:
    """One answer (contract: core/conversion.py, Writer)."""

    __slots__ = ("_fold", "_how", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"application/json; charset=UTF-8"
        self._how = how
        self._fold = Fold()

    def feed(self, events: Iterable[Event]) -> bytes:
        """Nothing yet."""
        self._fold.feed(events)
        return b""

    def end(self, cost: str = "") -> bytes:
        """The answer."""
        fold = self._fold
        body: dict[str, Any] = {"candidates": [_folded(index, choice) for index, choice in sorted(fold.choices.items())]}
        if fold.usage is not None:
            body["usageMetadata"] = _counts(fold.usage, cost)
        return json.encode({**body, "modelVersion": self._how.model, "responseId": self._how.seed})

    def cutoff(self) -> bytes:
        """A whole answer is never cut off."""
        return b""

    def late(self, fault: Fault) -> bytes:
        """Nothing of a whole answer is out before its end: the fault is told in its place."""
        del fault
        return b""


def _folded(index: int, choice: FoldedChoice) -> dict[str, Any]:
    parts = [made for part in choice.parts() if (made := _said(part)) is not None]
    folded: dict[str, Any] = {
        "content": {"role": "model", "parts": parts},
        "finishReason": _REASONS[choice.reason or "stop"],
        "index": index,
    }
    if cites := [cited for part in choice.parts() if isinstance(part, Text) for cited in part.citations]:
        folded["groundingMetadata"] = _grounding(cites)
    return folded


def _said(part: Any) -> dict[str, Any] | None:
    proof = getattr(part, "proof", None)
    signed = {"thoughtSignature": proof.data} if proof is not None and proof.dialect == NAME else {}
    match part:
        case Text(text=text) | Refusal(text=text):
            return {"text": text, **signed}
        case Thinking(text=text):
            return {"text": text, "thought": True, **signed} if text or signed else None
        case ToolCall():
            return {**_call(part.name, part.id, part.arguments, custom=part.custom), **signed}
        case Media():
            return _inline(part)
        case Native():
            return json.decode(bytes(part.raw)) if part.dialect == NAME else None
        case _:
            return None


def _call(name: str, number: str, arguments: str, *, custom: bool) -> dict[str, Any]:
    try:
        said = {"input": arguments} if custom else json.decode(arguments or "{}")
    except json.JsonError:
        said = {"INVALID_JSON": arguments}
    return {"functionCall": {"name": name, "args": said, "id": number}}


def _inline(media: Media) -> dict[str, Any]:
    if media.url:
        return {"fileData": {"fileUri": media.url, "mimeType": media.mime}}
    return {"inlineData": {"mimeType": media.mime, "data": media.data}}


def _grounding(cites: list[Citation]) -> dict[str, Any]:
    chunks = [{"web": {"uri": cited.url, "title": cited.title}} for cited in cites]
    supports = [
        {
            "segment": {"startIndex": cited.start or 0, "endIndex": cited.end or 0, "text": cited.quote},
            "groundingChunkIndices": [place],
        }
        for place, cited in enumerate(cites)
    ]
    return {"groundingChunks": chunks, "groundingSupports": supports}


def _counts(usage: Usage, cost: str) -> dict[str, Any]:
    return {**write_usage(usage), **({"cost": Raw(cost.encode())} if cost else {})}
