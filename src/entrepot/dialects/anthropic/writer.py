"""Events as a Messages answer to a client, streamed and whole.

Blocks never overlap: calls whose arguments come side by side are held back until their turn comes.
`message_delta` waits for the end, because usage may follow the finish.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from entrepot.core.ask import Citation, Media, Native, Proof, Refusal, Text, Thinking
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
    Proved,
    Reason,
)
from entrepot.core.faults import Fault
from entrepot.core.fold import Fold, FoldedChoice
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic import faults
from entrepot.dialects.anthropic.blocks import NAME, REDACTED
from entrepot.dialects.anthropic.messages_body import input_of, safe_id
from entrepot.kit import json
from entrepot.kit.json import Raw

_REASONS: Mapping[Reason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
}
Block: TypeAlias = dict[str, Any]
_KINDS: Mapping[str, str] = {"text": "text", "refusal": "text", "thinking": "thinking"}
_STARTS: Mapping[str, Block] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
}


class StreamWriter:
    """Events with their `event:` lines, on which Anthropic's SDKs dispatch (contract: core/conversion.py, Writer)."""

    __slots__ = ("_begun", "_finish", "_how", "_index", "_late", "_open", "_said", "_usage", "_words", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"text/event-stream; charset=utf-8"
        self._how = how
        self._begun = False
        self._index = -1
        self._open: str | int = ""
        """The open block: its kind, or the number of the call; "" for none."""
        self._late: dict[int, list[str]] = {}
        """Calls that wait for the open one's end, by number: id, name, and what has come of their arguments."""
        self._said: list[str] = []
        """Arguments of the open call."""
        self._words: list[Delta] = []
        """Words that came before these were whole: here a block cannot be interrupted."""
        self._finish = Finish("stop")
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Event]) -> bytes:
        """What may go out now."""
        return b"".join([frame for event in events for frame in self._event(event)])

    def end(self, cost: str = "") -> bytes:
        """The last block closes, and the message."""
        stop = {"stop_reason": _stop_reason(self._finish), "stop_sequence": self._finish.stop}
        frames = [*self._start(), *self._close_all()]
        frames.append(_frame("message_delta", delta=stop, usage=write_usage(self._usage, cost)))
        frames.append(_frame("message_stop"))
        return b"".join(frames)

    def cutoff(self) -> bytes:
        """As if the vendor had reached its cap."""
        self._finish = Finish("length")
        return self.end()

    def late(self, fault: Fault) -> bytes:
        """The fault, and nothing after it."""
        return faults.render_late(fault)

    def _event(self, event: Event) -> Iterator[bytes]:
        match event:
            case Begin(usage=usage) | Counted(usage=usage):
                self._usage = usage
            case Finish(choice=0):
                self._finish = event
            case _ if getattr(event, "choice", 0) == 0:
                yield from self._content(event)
            case _:
                pass  # this format has one alternative

    def _content(self, event: Event) -> Iterator[bytes]:
        match event:
            case Delta():
                yield from self._speak(event)
            case Proved(of="thinking", proof=proof):
                yield from self._prove(proof)
            case CallBegin():
                yield from self._call(event)
            case CallDelta():
                yield from self._argue(event)
            case Cited(citation=citation):
                if self._open == "text":
                    yield self._delta({"type": "citations_delta", "citation": _citation(citation)})
            case Held(native=native):
                yield from self._whole(_native(native))
            case _:
                pass

    def _speak(self, event: Delta) -> Iterator[bytes]:
        if isinstance(self._open, int) and not self._complete():
            self._words.append(event)
            return
        block = _KINDS[event.kind]
        yield from self._enter(block, _STARTS[block])
        yield self._delta({"type": f"{block}_delta", block: event.text})

    def _call(self, event: CallBegin) -> Iterator[bytes]:
        """A call opens its block when it begins, unless another one is still in the middle of its arguments."""
        if isinstance(self._open, int) and not self._complete():
            self._late[event.index] = [event.id, event.name]
            return
        self._said = []
        yield from self._enter(event.index, _tool_use(event.id, event.name))
        yield self._delta({"type": "input_json_delta", "partial_json": ""})

    def _argue(self, event: CallDelta) -> Iterator[bytes]:
        if event.index == self._open:
            self._said.append(event.text)
            yield self._delta({"type": "input_json_delta", "partial_json": event.text})
        elif event.index in self._late:
            self._late[event.index].append(event.text)

    def _complete(self) -> bool:
        """Are the open call's arguments whole?"""
        try:
            json.decode("".join(self._said))
        except json.JsonError:
            return False
        return True

    def _start(self) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            message = _message(self._how, [], None, None, write_usage(self._usage, ""))
            yield _frame("message_start", message=message)

    def _enter(self, kind: str | int, block: Block) -> Iterator[bytes]:
        if kind == self._open:
            return
        yield from self._start()
        yield from self._close_all()
        self._index += 1
        self._open = kind
        yield _frame("content_block_start", index=self._index, content_block=block)

    def _close_all(self) -> Iterator[bytes]:
        """The open block ends, and calls that waited for it have theirs."""
        yield from self._close()
        for number, (call, name, *pieces) in sorted(self._late.items()):
            self._index += 1
            self._open = number
            yield _frame("content_block_start", index=self._index, content_block=_tool_use(call, name))
            yield self._delta({"type": "input_json_delta", "partial_json": "".join(pieces)})
            yield from self._close()
        self._late.clear()
        words, self._words = self._words, []
        for event in words:
            yield from self._speak(event)
        yield from self._close()

    def _close(self) -> Iterator[bytes]:
        if self._open != "":
            self._open = ""
            yield _frame("content_block_stop", index=self._index)

    def _prove(self, proof: Proof) -> Iterator[bytes]:
        """A signature ends its block; hidden thinking is a block of its own. Another vendor's proof says nothing here."""
        if proof.dialect != NAME:
            if self._open == "thinking":
                yield from self._close()
        elif proof.data.startswith(REDACTED):
            yield from self._whole(_redacted(proof))
        else:
            yield from self._enter("thinking", _STARTS["thinking"])
            yield self._delta({"type": "signature_delta", "signature": proof.data})
            yield from self._close()

    def _whole(self, block: Block | None) -> Iterator[bytes]:
        if block is not None:
            yield from self._enter("whole", block)
            yield from self._close()

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return _frame("content_block_delta", index=self._index, delta=delta)


class WholeWriter:
    """One message (contract: core/conversion.py, Writer)."""

    __slots__ = ("_fold", "_how", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"application/json"
        self._how = how
        self._fold = Fold()

    def feed(self, events: Iterable[Event]) -> bytes:
        """Nothing yet."""
        self._fold.feed(events)
        return b""

    def end(self, cost: str = "") -> bytes:
        """The message."""
        choice = self._fold.choices.get(0, FoldedChoice())
        finish = Finish(choice.reason or "stop", choice.stop)
        blocks = [block for part in choice.parts() if (block := _block(part)) is not None]
        return json.encode(_message(self._how, blocks, _stop_reason(finish), finish.stop, write_usage(self._fold.usage, cost)))

    def cutoff(self) -> bytes:
        """A whole answer is never cut off."""
        return b""

    def late(self, fault: Fault) -> bytes:
        """Nothing of a whole answer is out before its end: the fault is told in its place."""
        del fault
        return b""


def _block(part: Any) -> Block | None:
    match part:
        case Text(text=text, citations=citations):
            cited = {"citations": [_citation(citation) for citation in citations]} if citations else {}
            return {"type": "text", "text": text, **cited}
        case Refusal(text=text):
            return {"type": "text", "text": text}
        case Thinking(text=text, proof=proof):
            if proof is not None and proof.dialect == NAME and proof.data.startswith(REDACTED):
                return _redacted(proof)
            signed = proof.data if proof is not None and proof.dialect == NAME else ""
            return {"type": "thinking", "thinking": text, "signature": signed} if text or signed else None
        case Native():
            return _native(part)
        case Media():
            return None
        case _:
            return {**_tool_use(part.id, part.name), "input": input_of(part)}


def _tool_use(call: str, name: str) -> Block:
    return {"type": "tool_use", "id": safe_id(call), "name": name, "input": {}}


def _redacted(proof: Proof) -> Block:
    return {"type": "redacted_thinking", "data": proof.data.removeprefix(REDACTED)}


def _native(native: Native) -> Block | None:
    return json.decode(bytes(native.raw)) if native.dialect == NAME else None


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.quote,
        "encrypted_index": "",
    }


def _stop_reason(finish: Finish) -> str:
    return "stop_sequence" if finish.stop is not None and finish.reason == "stop" else _REASONS[finish.reason]


def _message(how: Writing, content: list[Block], reason: str | None, stop: str | None, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{how.seed}",
        "type": "message",
        "role": "assistant",
        "model": how.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": stop,
        "usage": usage,
    }


def write_usage(usage: Usage | None, cost: str) -> dict[str, Any]:
    """Counts on Anthropic's base: the input without what the cache gave or took."""
    found = usage or Usage()
    counts: dict[str, Any] = {
        "input_tokens": found.prompt_total - found.cache_read - found.cache_write_5m - found.cache_write_1h,
        "cache_creation_input_tokens": found.cache_write_5m + found.cache_write_1h,
        "cache_read_input_tokens": found.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": found.cache_write_5m,
            "ephemeral_1h_input_tokens": found.cache_write_1h,
        },
        "output_tokens": found.output_total,
    }
    if found.reasoning:
        counts["output_tokens_details"] = {"thinking_tokens": found.reasoning}
    if found.searches:
        counts["server_tool_use"] = {"web_search_requests": found.searches}
    if cost:
        counts["cost"] = Raw(cost.encode())
    return counts


def _frame(kind: str, **members: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + json.encode({"type": kind, **members}) + b"\n\n"
