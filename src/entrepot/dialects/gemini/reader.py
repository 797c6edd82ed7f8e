"""A vendor's generateContent answer as events, streamed and whole.

Each frame is a piece of an answer in the same shape. There is no end mark: the stream is complete when it closes after
every candidate has finished. `STOP` does not tell an answer from a call: what was said decides.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from entrepot.core.ask import Citation, Media, Native, Proof
from entrepot.core.conversion import Reading
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
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.gemini import faults
from entrepot.dialects.gemini.contents import NAME
from entrepot.dialects.gemini.partial import Arguments
from entrepot.dialects.gemini.usage import read_usage
from entrepot.dialects.shared import media
from entrepot.dialects.shared.answers import decode_object, list_of, number_of, object_of, text_of, whole_of
from entrepot.dialects.shared.frames import Frames
from entrepot.kit import json, sse

_REASONS: Mapping[str, Reason] = {
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "LANGUAGE", "MODEL_ARMOR",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION",
        ),
        "content_filter",
    ),
}  # fmt: skip
_NATIVE = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


class GenerateReader:
    """Reads one answer (contract: core/conversion.py, Reader)."""

    __slots__ = ("_begun", "_calls", "_finished", "_frames", "_partial", "_seed", "_seen", "_stream", "done")

    def __init__(self, how: Reading) -> None:
        self.done = False
        self._stream = how.stream
        self._seed = how.seed
        self._frames = Frames()
        self._begun = False
        self._calls: dict[int, int] = {}
        """Calls so far, by candidate."""
        self._partial: dict[int, Arguments] = {}
        """Arguments that come piece by piece, by candidate."""
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come. Raises Fault(VENDOR_GARBAGE)."""
        if not self._stream:
            events = list(self._piece(decode_object(data)))
            if not self._seen and not any(isinstance(event, Failed) for event in events):
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer has no candidate in it.")
            self.done = True
            return [*events, *self._unfinished()]
        return [event for frame in self._frames.feed(data) for event in self._frame(frame)]

    def end(self) -> list[Event]:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) before every candidate has finished."""
        events = self._frames.last(self._frame)
        if not self._finished or self._seen != self._finished:
            raise Fault(Kind.VENDOR_TRUNCATED)
        self.done = True
        return events

    def _frame(self, frame: bytes) -> Iterator[Event]:
        payload = sse.read(frame).data
        if payload:
            yield from self._piece(decode_object(payload))

    def _piece(self, fields: dict[str, Any]) -> Iterator[Event]:
        if fields.get("error"):
            yield Failed(faults.inside(fields["error"], json.encode({"error": fields["error"]})))
            return
        candidates = list_of(fields.get("candidates"))
        blocked = text_of(object_of(fields.get("promptFeedback")).get("blockReason"))
        if not self._begun and (candidates or blocked):
            self._begun = True
            yield Begin(text_of(fields.get("responseId")), text_of(fields.get("modelVersion")))
        for candidate in candidates:
            yield from self._candidate(candidate)
        if blocked and not candidates:
            self._seen.add(0)
            self._finished.add(0)
            yield Finish("content_filter")
        usage = object_of(fields.get("usageMetadata"))
        if usage and (counted := read_usage(usage)) is not None:
            yield Counted(counted)

    def _candidate(self, fields: dict[str, Any]) -> Iterator[Event]:
        index = whole_of(fields.get("index"))
        self._seen.add(index)
        for part in list_of(object_of(fields.get("content")).get("parts")):
            yield from self._part(part, index)
        yield from _cited(fields, index)
        scores = _scores(object_of(fields.get("logprobsResult")))
        if scores:
            yield Scored(scores, index)
        finish = text_of(fields.get("finishReason"))
        if finish and finish != "FINISH_REASON_UNSPECIFIED" and index not in self._finished:
            yield from self._finish(index, _REASONS.get(finish, "stop"))

    def _unfinished(self) -> Iterator[Event]:
        for index in sorted(self._seen - self._finished):
            yield from self._finish(index, "stop")

    def _finish(self, index: int, reason: Reason) -> Iterator[Event]:
        self._finished.add(index)
        yield Finish("tool_calls" if reason == "stop" and self._calls.get(index) else reason, choice=index)

    def _part(self, part: dict[str, Any], index: int) -> Iterator[Event]:
        signature = text_of(part.get("thoughtSignature"))
        proof = Proof(NAME, signature) if signature else None
        if "functionCall" in part:
            yield from self._call(object_of(part["functionCall"]), index, proof)
        elif data := object_of(part.get("inlineData")):
            yield Produced(_made(data), index)
        elif any(name in part for name in _NATIVE):
            kind = next(name for name in _NATIVE if name in part)
            yield Held(Native(NAME, kind, json.raw(part)), index)
        else:
            of = "thinking" if part.get("thought") is True else "text"
            if text := text_of(part.get("text")):
                yield Delta(of, text, index)
            if proof is not None:
                yield Proved(of, proof, choice=index)

    def _call(self, call: dict[str, Any], index: int, proof: Proof | None) -> Iterator[Event]:
        """A call comes whole, or, where the client asked for it, argument by argument."""
        open_call = self._partial.get(index)
        number = self._calls.get(index, 0)
        if open_call is None:
            self._calls[index] = number + 1
            name = text_of(call.get("name"))
            yield CallBegin(number, text_of(call.get("id")) or f"call_{self._seed}_{index}_{number}", name, choice=index)
            if proof is not None:
                yield Proved("call", proof, number, index)
        else:
            number -= 1
        pieces = list_of(call.get("partialArgs"))
        if pieces or call.get("willContinue") is True:
            open_call = self._partial.setdefault(index, Arguments())
            for piece in pieces:
                open_call.add(piece)
            if call.get("willContinue") is True:
                return
        given = open_call.value if open_call is not None else object_of(call.get("args"))
        self._partial.pop(index, None)
        yield CallDelta(number, json.encode(given).decode(), index)


def _made(data: dict[str, Any]) -> Media:
    mime = text_of(data.get("mimeType"))
    try:
        return media.from_data(text_of(data.get("data")), media.kind_of(mime), mime=mime)
    except media.BadDataError as error:
        raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's data could not be understood: {error}.") from None


def _cited(fields: dict[str, Any], index: int) -> Iterator[Event]:
    grounding = object_of(fields.get("groundingMetadata"))
    pages = [object_of(chunk.get("web")) for chunk in list_of(grounding.get("groundingChunks"))]
    supports = list_of(grounding.get("groundingSupports"))
    for support in supports:
        segment = object_of(support.get("segment"))
        places: Any = support.get("groundingChunkIndices")
        for place in places if isinstance(places, list) else []:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(place, int) and 0 <= place < len(pages):
                start, end = whole_of(segment.get("startIndex")), whole_of(segment.get("endIndex"))
                yield Cited(_page(pages[place], text_of(segment.get("text")), start, end), index)
    if not supports:
        yield from (Cited(_page(page, "", None, None), index) for page in pages if page)


def _page(page: dict[str, Any], quote: str, start: int | None, end: int | None) -> Citation:
    return Citation(text_of(page.get("uri")), text_of(page.get("title")), quote, start, end)


def _scores(result: dict[str, Any]) -> tuple[Score, ...]:
    top = [list_of(step.get("candidates")) for step in list_of(result.get("topCandidates"))]
    chosen = list_of(result.get("chosenCandidates"))
    return tuple(
        Score(*_score(item), tuple(Score(*_score(other)) for other in (top[place] if place < len(top) else [])))
        for place, item in enumerate(chosen)
    )


def _score(item: dict[str, Any]) -> tuple[str, float]:
    return text_of(item.get("token")), number_of(item.get("logProbability"))
