"""A vendor's chat completions answer as events, streamed and whole, with the oddities of its imitators.

Facts of what vendors send come from recordings: calls without index, with arguments null or as an object, whole in the last
chunk; empty ids in continuations; reasoning under two names; lists for content; usage on the last chunk or after it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from entrepot.core.ask import Citation, Proof
from entrepot.core.conversion import Reading
from entrepot.core.events import (
    Begin,
    Cited,
    Counted,
    Delta,
    Event,
    Failed,
    Finish,
    Produced,
    Proved,
    Reason,
    Score,
    Scored,
)
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_chat_conversion.calls import Calls
from entrepot.dialects.shared import media, openai_faults
from entrepot.dialects.shared.answers import decode_object, list_of, number_of, object_of, text_of, whole_of
from entrepot.dialects.shared.frames import Frames
from entrepot.dialects.shared.openai_usage import read_usage
from entrepot.kit import json, sse

_REASONS: Mapping[str, Reason] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
}


class ChatReader:
    """Reads one answer (contract: core/conversion.py, Reader)."""

    __slots__ = ("_begun", "_calls", "_finished", "_frames", "_seed", "_seen", "_stream", "done")

    def __init__(self, how: Reading) -> None:
        self.done = False
        self._stream = how.stream
        self._seed = how.seed
        self._frames = Frames()
        self._begun = False
        self._calls: dict[int, Calls] = {}
        self._seen: set[int] = set()
        self._finished: set[int] = set()

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come. Raises Fault(VENDOR_GARBAGE)."""
        if not self._stream:
            events = list(self._chunk(decode_object(data)))
            if not self._seen and not any(isinstance(event, Failed) for event in events):
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer has no choice in it.")
            return [*events, *self._complete()]
        return [event for frame in self._frames.feed(data) for event in self._frame(frame)]

    def end(self) -> list[Event]:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) before every choice has finished."""
        events = [] if self.done else self._frames.last(self._frame)
        if not self.done and (not self._finished or self._seen != self._finished):
            raise Fault(Kind.VENDOR_TRUNCATED)
        return [*events, *self._complete()]

    def _complete(self) -> Iterator[Event]:
        """The vendor says that this was all: choices that it forgot to finish are finished."""
        self.done = True
        for index in sorted(self._seen - self._finished):
            yield from self._finish(index, "stop")

    def _frame(self, frame: bytes) -> Iterator[Event]:
        text = frame.strip()
        payload = text if text[:1] == b"{" else sse.read(frame).data
        if not payload or self.done:
            return
        if payload == b"[DONE]":
            if not self._seen:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream ended its answer without any choice in it.")
            yield from self._complete()
            return
        yield from self._chunk(decode_object(payload), payload)

    def _chunk(self, fields: dict[str, Any], payload: bytes = b"") -> Iterator[Event]:
        choices = list_of(fields.get("choices"))
        if not self._begun and choices:
            self._begun = True
            yield Begin(text_of(fields.get("id")), text_of(fields.get("model")), whole_of(fields.get("created")))
        for choice in choices:
            yield from self._choice(choice)
        usage = fields.get("usage") or object_of(fields.get("x_groq")).get("usage")
        if isinstance(usage, dict) and (counted := read_usage(cast("dict[str, Any]", usage))) is not None:
            yield Counted(counted)
        if error := fields.get("error"):
            yield Failed(openai_faults.inside(error, json.encode({"error": error})))
        elif not choices and not usage and (fault := openai_faults.disguised(payload or json.encode(fields))) is not None:
            yield Failed(fault)

    def _choice(self, fields: dict[str, Any]) -> Iterator[Event]:
        index = whole_of(fields.get("index"))
        self._seen.add(index)
        said = object_of(fields.get("delta") or fields.get("message"))
        yield from self._words(said, index)
        yield from self._extras(said, fields, index)
        listed = list_of(said.get("tool_calls"))
        if function := said.get("function_call"):
            listed = [*listed, {"index": 0, "function": function}]
        if listed:
            calls = self._calls.setdefault(index, Calls(self._seed, index))
            for call in listed:
                yield from calls.take(call)
        usage = fields.get("usage")
        if isinstance(usage, dict) and (counted := read_usage(cast("dict[str, Any]", usage))) is not None:
            yield Counted(counted)
        if (finish := fields.get("finish_reason")) and index not in self._finished:
            yield from self._finish(index, _REASONS.get(str(finish), "stop"))

    def _finish(self, index: int, reason: Reason) -> Iterator[Event]:
        """Some say `stop` where the model calls a tool."""
        self._finished.add(index)
        calls = self._calls.get(index)
        if calls is not None and calls.any:
            yield from calls.end()
            reason = "tool_calls" if reason == "stop" else reason
        yield Finish(reason, choice=index)

    def _words(self, said: dict[str, Any], index: int) -> Iterator[Event]:
        content, thought = said.get("content"), text_of(said.get("reasoning_content")) or text_of(said.get("reasoning"))
        if isinstance(content, list):  # mistral: text and thinking parts
            parts = list_of(cast("list[Any]", content))
            thought += "".join(_joined(part.get("thinking")) for part in parts)
            content = "".join(text_of(part.get("text")) for part in parts)
        details = list_of(said.get("reasoning_details"))
        if not thought:
            thought = "".join(text_of(item.get("text")) or text_of(item.get("summary")) for item in details)
        if thought:
            yield Delta("thinking", thought, index)
        for item in details:
            if item.get("signature") or item.get("data"):
                yield Proved("thinking", Proof("openai_chat", json.encode(item).decode()), choice=index)
        text = text_of(content) or text_of(object_of(said.get("audio")).get("transcript"))
        if text:
            yield Delta("text", text, index)
        if refusal := text_of(said.get("refusal")):
            yield Delta("refusal", refusal, index)

    def _extras(self, said: dict[str, Any], fields: dict[str, Any], index: int) -> Iterator[Event]:
        for image in list_of(said.get("images")):
            url = text_of(object_of(image.get("image_url")).get("url"))
            try:
                yield Produced(media.from_url(url, "image"), index)
            except media.BadDataError as error:
                raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's picture could not be understood: {error}.") from None
        for note in list_of(said.get("annotations")):
            if found := object_of(note.get("url_citation")):
                yield Cited(_citation(found), index)
        scores = tuple(_score(item) for item in list_of(object_of(fields.get("logprobs")).get("content")))
        if scores:
            yield Scored(scores, index)


def _citation(found: dict[str, Any]) -> Citation:
    start, end = found.get("start_index"), found.get("end_index")
    return Citation(
        text_of(found.get("url")),
        text_of(found.get("title")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
    )


def _score(item: dict[str, Any]) -> Score:
    top = tuple(Score(*_likely(other)) for other in list_of(item.get("top_logprobs")))
    return Score(*_likely(item), top)


def _likely(item: dict[str, Any]) -> tuple[str, float]:
    return text_of(item.get("token")), number_of(item.get("logprob"))


def _joined(parts: Any) -> str:
    """mistral's thinking: a string, or a list of text parts."""
    return text_of(parts) or "".join(text_of(part.get("text")) for part in list_of(parts))
