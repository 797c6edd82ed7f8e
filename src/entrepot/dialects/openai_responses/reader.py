"""A vendor's Responses answer as events, streamed and whole.

Deltas are read as they come; what a vendor says only in the item that is done is read from there.
Source: OpenAI's API reference, "Responses streaming events"; recordings (errors nested and not, items without deltas).
"""

from collections.abc import Iterator
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
from entrepot.dialects.openai_responses.proofs import NAME
from entrepot.dialects.shared import openai_faults
from entrepot.dialects.shared.answers import decode_object, list_of, number_of, object_of, text_of, whole_of
from entrepot.dialects.shared.frames import Frames
from entrepot.dialects.shared.openai_usage import read_usage
from entrepot.kit import json, sse

_PARAGRAPH = "\n\n"
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that are calls, with the member that has what is said to the tool."""
_ENDS = frozenset(("response.completed", "response.incomplete", "response.failed", "response.cancelled"))


class _Item:
    """One output item of a stream."""

    __slots__ = ("call", "kind", "said", "summaries")

    def __init__(self, kind: str, call: int) -> None:
        self.kind = kind
        self.call = call
        """Number of the call, where it is one."""
        self.said = False
        """Deltas came: the item that is done says nothing new."""
        self.summaries: set[int] = set()


class ResponsesReader:
    """Reads one answer (contract: core/conversion.py, Reader)."""

    __slots__ = ("_begun", "_calls", "_frames", "_items", "_seed", "_stream", "done")

    def __init__(self, how: Reading) -> None:
        self.done = False
        self._stream = how.stream
        self._seed = how.seed
        self._frames = Frames()
        self._begun = False
        self._calls = 0
        self._items: dict[int, _Item] = {}
        """By output index."""

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come. Raises Fault(VENDOR_GARBAGE)."""
        if not self._stream:
            return list(self._response(decode_object(data)))
        return [event for frame in self._frames.feed(data) for event in self._frame(frame)]

    def end(self) -> list[Event]:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) before the response has ended."""
        events = [] if self.done else self._frames.last(self._frame)
        if not self.done:
            raise Fault(Kind.VENDOR_TRUNCATED)
        return events

    def _frame(self, frame: bytes) -> Iterator[Event]:
        payload = sse.read(frame).data
        if not payload or self.done or payload == b"[DONE]":
            return
        fields = decode_object(payload)
        kind = text_of(fields.get("type"))
        if kind.endswith(".delta"):
            yield from self._delta(kind, fields)
        elif kind in _ENDS:
            yield from self._end(object_of(fields.get("response")))
        elif kind == "response.created":
            yield from self._begin(object_of(fields.get("response")))
        elif kind.startswith("response.output_item."):
            yield from self._item(fields, done=kind.endswith(".done"))
        elif kind == "response.output_text.annotation.added":
            yield from _cited(object_of(fields.get("annotation")))
        elif kind == "error" or ("error" in fields and not kind):
            error = fields.get("error") or fields
            yield Failed(openai_faults.inside(error, json.encode({"error": error})))

    def _begin(self, response: dict[str, Any]) -> Iterator[Event]:
        if not self._begun:
            self._begun = True
            yield Begin(text_of(response.get("id")), text_of(response.get("model")), whole_of(response.get("created_at")))

    def _delta(self, kind: str, fields: dict[str, Any]) -> Iterator[Event]:
        text = text_of(fields.get("delta"))
        item = self._items.get(whole_of(fields.get("output_index")))
        if not text:
            return
        if item is not None:
            item.said = True
        match kind.removeprefix("response."):
            case "output_text.delta":
                yield Delta("text", text)
                if scores := tuple(_score(score) for score in list_of(fields.get("logprobs"))):
                    yield Scored(scores)
            case "refusal.delta":
                yield Delta("refusal", text)
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                part = whole_of(fields.get("summary_index", fields.get("content_index")))
                yield Delta("thinking", self._paragraph(item, part) + text)
            case "function_call_arguments.delta" | "custom_tool_call_input.delta":
                if item is not None and item.call >= 0:
                    yield CallDelta(item.call, text)
            case _:
                pass

    @staticmethod
    def _paragraph(item: _Item | None, part: int) -> str:
        """What stands between two parts of one item's reasoning."""
        if item is None or part in item.summaries:
            return ""
        item.summaries.add(part)
        return _PARAGRAPH if len(item.summaries) > 1 else ""

    def _item(self, fields: dict[str, Any], *, done: bool) -> Iterator[Event]:
        index, item = whole_of(fields.get("output_index")), object_of(fields.get("item"))
        known = self._items.get(index)
        if known is None:
            known = self._items[index] = _Item(text_of(item.get("type")), -1)
            if known.kind in _CALLS:
                yield self._call(known, item)
        if done:
            yield from self._done(known, item)

    def _call(self, known: _Item, item: dict[str, Any]) -> Event:
        known.call = self._calls
        self._calls += 1
        number = text_of(item.get("call_id")) or f"call_{self._seed}_{known.call}"
        return CallBegin(known.call, number, text_of(item.get("name")), known.kind == "custom_tool_call")

    def _done(self, known: _Item, item: dict[str, Any]) -> Iterator[Event]:
        """What an item says that its deltas have not."""
        if known.kind in _CALLS:
            if not known.said:
                said = text_of(item.get(_CALLS[known.kind]))
                yield CallDelta(known.call, said if known.kind == "custom_tool_call" else said or "{}")
        elif known.kind == "message":
            if not known.said:
                yield from _message(item)
        elif known.kind == "reasoning":
            yield from self._reasoned(known, item)
        elif known.kind == "image_generation_call" and text_of(item.get("result")):
            yield Produced(Media("image", mime=f"image/{text_of(item.get('output_format')) or 'png'}", data=item["result"]))
        elif known.kind:
            yield Held(Native(NAME, known.kind, json.raw(item)))

    def _reasoned(self, known: _Item, item: dict[str, Any]) -> Iterator[Event]:
        if not known.said:
            for name in ("summary", "content"):
                for at, part in enumerate(list_of(item.get(name))):
                    if text := text_of(part.get("text")):
                        yield Delta("thinking", self._paragraph(known, at if name == "summary" else ~at) + text)
        if hidden := text_of(item.get("encrypted_content")):
            yield Proved("thinking", Proof(NAME, hidden))

    def _response(self, response: dict[str, Any]) -> Iterator[Event]:
        """A whole answer."""
        if not isinstance(response.get("output"), list) and not response.get("error"):
            raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer has no output in it.")
        yield from self._begin(response)
        for index, item in enumerate(list_of(response.get("output"))):
            yield from self._item({"output_index": index, "item": item}, done=True)
            if text_of(item.get("type")) == "message":
                for part in list_of(item.get("content")):
                    for note in list_of(part.get("annotations")):
                        yield from _cited(note)
                    if scores := tuple(_score(score) for score in list_of(part.get("logprobs"))):
                        yield Scored(scores)
        yield from self._end(response)

    def _end(self, response: dict[str, Any]) -> Iterator[Event]:
        yield from self._begin(response)
        if (usage := object_of(response.get("usage"))) and (counted := read_usage(usage)) is not None:
            yield Counted(counted)
        error = response.get("error")
        if response.get("status") == "failed" or error:
            yield Failed(openai_faults.inside(error or {}, json.encode({"error": error or {}})))
        else:
            yield Finish(self._reason(text_of(object_of(response.get("incomplete_details")).get("reason"))))
        self.done = True

    def _reason(self, incomplete: str) -> Reason:
        if incomplete == "content_filter":
            return "content_filter"
        if incomplete:
            return "length"
        return "tool_calls" if self._calls else "stop"


def _message(item: dict[str, Any]) -> Iterator[Event]:
    for part in list_of(item.get("content")):
        if text := text_of(part.get("text")):
            yield Delta("text", text)
        if refusal := text_of(part.get("refusal")):
            yield Delta("refusal", refusal)


def _cited(note: dict[str, Any]) -> Iterator[Event]:
    if note.get("type") == "url_citation":
        start, end = note.get("start_index"), note.get("end_index")
        yield Cited(
            Citation(
                text_of(note.get("url")),
                text_of(note.get("title")),
                start=start if isinstance(start, int) else None,
                end=end if isinstance(end, int) else None,
            )
        )


def _score(item: dict[str, Any]) -> Score:
    top = tuple(Score(*_likely(other)) for other in list_of(item.get("top_logprobs")))
    return Score(*_likely(item), top)


def _likely(item: dict[str, Any]) -> tuple[str, float]:
    return text_of(item.get("token")), number_of(item.get("logprob"))
