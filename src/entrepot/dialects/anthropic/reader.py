"""A vendor's Messages answer as events, streamed and whole."""

from collections.abc import Iterator, Mapping
from typing import Any

from entrepot.core.ask import Citation, Native, Proof
from entrepot.core.conversion import Reading
from entrepot.core.events import Begin, CallBegin, CallDelta, Cited, Counted, Delta, Event, Failed, Finish, Held, Proved, Reason
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic import faults
from entrepot.dialects.anthropic.blocks import NAME, REDACTED
from entrepot.dialects.anthropic.usage import Fields, merged, read_usage
from entrepot.dialects.shared.answers import decode_object, list_of, object_of, text_of
from entrepot.dialects.shared.frames import Frames
from entrepot.kit import json, sse

_REASONS: Mapping[str, Reason] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause",
}


class MessagesReader:
    """Reads one answer (contract: core/conversion.py, Reader)."""

    __slots__ = ("_block", "_calls", "_frames", "_input", "_stopped", "_stream", "_usage", "done")

    def __init__(self, how: Reading) -> None:
        self.done = False
        self._stream = how.stream
        self._frames = Frames()
        self._block: dict[str, Any] = {}
        """The open block, as it began."""
        self._input: list[str] = []
        """Pieces of its input."""
        self._calls = 0
        self._stopped = False
        self._usage: Fields = {}

    def feed(self, data: bytes) -> list[Event]:
        """Take bytes as they come. Raises Fault(VENDOR_GARBAGE)."""
        if not self._stream:
            return list(self._message(decode_object(data)))
        return [event for frame in self._frames.feed(data) for event in self._frame(frame)]

    def end(self) -> list[Event]:
        """The vendor closed. Raises Fault(VENDOR_TRUNCATED) before `message_stop`."""
        events = [] if self.done else self._frames.last(self._frame)
        if not self.done and not self._stopped:
            raise Fault(Kind.VENDOR_TRUNCATED)
        self.done = True
        return events

    def _message(self, fields: dict[str, Any]) -> Iterator[Event]:
        """A whole answer."""
        if fields.get("type") == "error":
            yield Failed(faults.inside(fields.get("error"), json.encode(fields)))
            return
        if not isinstance(fields.get("content"), list):
            raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer has no content in it.")
        yield from self._begin(fields)
        for block in list_of(fields.get("content")):
            yield from self._start(block)
            given = block.get("input")
            if given is not None and text_of(block.get("type")) == "tool_use":
                yield CallDelta(self._calls - 1, json.encode(given).decode())
                self._input.append("…")
            yield from self._close()
        yield from self._stop(fields, fields)
        self.done = True

    def _frame(self, frame: bytes) -> Iterator[Event]:
        payload = sse.read(frame).data
        if not payload or self.done:
            return
        fields = decode_object(payload)
        match fields.get("type"):
            case "content_block_delta":
                yield from self._delta(object_of(fields.get("delta")))
            case "content_block_start":
                yield from self._start(object_of(fields.get("content_block")))
            case "content_block_stop":
                yield from self._close()
            case "message_start":
                yield from self._begin(object_of(fields.get("message")))
            case "message_delta":
                yield from self._stop(object_of(fields.get("delta")), fields)
            case "message_stop":
                self.done = True
            case "error":
                yield Failed(faults.inside(fields.get("error"), payload))
            case _:
                pass  # ping, and what is yet to be invented

    def _begin(self, message: dict[str, Any]) -> Iterator[Event]:
        self._usage = object_of(message.get("usage"))
        yield Begin(text_of(message.get("id")), text_of(message.get("model")), usage=read_usage(self._usage))

    def _start(self, block: dict[str, Any]) -> Iterator[Event]:
        self._block, self._input = block, []
        match block.get("type"):
            case "text":
                if text := text_of(block.get("text")):
                    yield Delta("text", text)
                for cited in list_of(block.get("citations")):
                    yield Cited(_citation(cited))
            case "thinking":
                if text := text_of(block.get("thinking")):
                    yield Delta("thinking", text)
                if signature := text_of(block.get("signature")):
                    yield Proved("thinking", Proof(NAME, signature))
            case "redacted_thinking":
                yield Proved("thinking", Proof(NAME, REDACTED + text_of(block.get("data"))))
            case "tool_use":
                self._calls += 1
                yield CallBegin(self._calls - 1, text_of(block.get("id")), text_of(block.get("name")))
            case _:
                pass  # a server tool's: held when it is whole

    def _delta(self, delta: dict[str, Any]) -> Iterator[Event]:
        match delta.get("type"):
            case "text_delta":
                if text := text_of(delta.get("text")):
                    yield Delta("text", text)
            case "thinking_delta":
                if text := text_of(delta.get("thinking")):
                    yield Delta("thinking", text)
            case "signature_delta":
                yield Proved("thinking", Proof(NAME, text_of(delta.get("signature"))))
            case "input_json_delta":
                if piece := text_of(delta.get("partial_json")):
                    self._input.append(piece)
                    if self._block.get("type") == "tool_use":
                        yield CallDelta(self._calls - 1, piece)
            case "citations_delta":
                yield Cited(_citation(object_of(delta.get("citation"))))
            case _:
                pass

    def _close(self) -> Iterator[Event]:
        block, kind = self._block, text_of(self._block.get("type"))
        self._block = {}
        if kind == "tool_use":
            if not self._input:
                yield CallDelta(self._calls - 1, "{}")
        elif kind not in ("text", "thinking", "redacted_thinking", ""):
            if self._input:
                block = {**block, "input": _input("".join(self._input))}
            yield Held(Native(NAME, kind, json.raw(block)))

    def _stop(self, said: dict[str, Any], fields: dict[str, Any]) -> Iterator[Event]:
        self._usage = merged(self._usage, object_of(fields.get("usage")))
        if (usage := read_usage(self._usage)) is not None:
            yield Counted(usage)
        if (reason := text_of(said.get("stop_reason"))) and not self._stopped:
            self._stopped = True
            yield Finish(_REASONS.get(reason, "stop"), text_of(said.get("stop_sequence")) or None)


def _citation(fields: dict[str, Any]) -> Citation:
    title = text_of(fields.get("title")) or text_of(fields.get("document_title"))
    return Citation(text_of(fields.get("url")), title, text_of(fields.get("cited_text")))


def _input(text: str) -> Any:
    try:
        return json.decode(text)
    except json.JsonError:
        return {}
