"""Events as a chat completions answer to a client, streamed and whole."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from entrepot.core.ask import Citation, Media, Refusal, Text, Thinking, ToolCall
from entrepot.core.conversion import Writing
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
    Produced,
    Proved,
    Reason,
    Score,
    Scored,
)
from entrepot.core.faults import Fault
from entrepot.core.fold import Fold, FoldedChoice
from entrepot.core.usage import Usage
from entrepot.dialects.openai_chat_conversion import proofs
from entrepot.dialects.shared import media, openai_faults
from entrepot.kit import json
from entrepot.kit.json import Raw

_REASONS: Mapping[Reason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "pause": "stop",
}
_DELTAS: Mapping[str, str] = {"text": "content", "thinking": "reasoning_content", "refusal": "refusal"}


def _head(how: Writing, kind: str, begin: Begin) -> dict[str, Any]:
    created = begin.created or how.created
    return {"id": f"chatcmpl-{how.seed}", "object": kind, "created": created, "model": how.model}


class StreamWriter:
    """Chunks as they come, usage where it was asked for, `[DONE]` (contract: core/conversion.py, Writer)."""

    __slots__ = ("_begin", "_custom", "_finished", "_how", "_open", "_proofs", "_usage", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"text/event-stream; charset=utf-8"
        self._how = how
        self._begin = Begin()
        self._custom: set[tuple[int, int]] = set()
        """Choice and index of the calls that take free text."""
        self._open: set[int] = set()
        """Choices that have their role."""
        self._finished: set[int] = set()
        self._proofs = 0
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Event]) -> bytes:
        """The chunks of these events."""
        return b"".join([chunk for event in events for chunk in self._event(event)])

    def end(self, cost: str = "") -> bytes:
        """Usage, and the end."""
        out = b""
        if self._how.wants_usage and self._usage is not None:
            chunk = _head(self._how, "chat.completion.chunk", self._begin)
            out = _frame({**chunk, "choices": [], "usage": write_usage(self._usage, cost)})
        return out + b"data: [DONE]\n\n"

    def cutoff(self) -> bytes:
        """Every open choice finishes with `length`."""
        open_ones = (self._open or {0}) - self._finished
        return b"".join([self._chunk({}, index, "length") for index in sorted(open_ones)]) + self.end()

    def late(self, fault: Fault) -> bytes:
        """The fault, and nothing after it."""
        return openai_faults.render_late(fault)

    def _event(self, event: Event) -> Iterator[bytes]:
        match event:
            case Begin():
                self._begin = event
            case Counted(usage=usage):
                self._usage = usage
            case Failed():
                pass  # said by the relay, as the last frames
            case Finish(reason=reason, choice=index):
                yield from self._role(index)
                self._finished.add(index)
                yield self._chunk({}, index, _REASONS[reason])
            case Scored(scores=scores, choice=index):
                yield from self._role(index)
                yield self._chunk({}, index, None, {"content": [_score(score) for score in scores]})
            case _:
                delta = self._delta(event)
                if delta:
                    yield from self._role(event.choice)
                    yield self._chunk(delta, event.choice, None)

    def _role(self, index: int) -> Iterator[bytes]:
        if index not in self._open:
            self._open.add(index)
            yield self._chunk({"role": "assistant", "content": ""}, index, None)

    def _delta(self, event: Event) -> dict[str, Any]:
        match event:
            case Delta(kind=kind, text=text):
                return {_DELTAS[kind]: text}
            case CallBegin(index=index, choice=choice):
                if event.custom:
                    self._custom.add((choice, index))
                return {"tool_calls": [_begun(event)]}
            case CallDelta(index=index, text=text, choice=choice):
                more = {"custom": {"input": text}} if (choice, index) in self._custom else {"function": {"arguments": text}}
                return {"tool_calls": [{"index": index, **more}]}
            case Proved(of="call", index=index, proof=proof):
                extra = proofs.call_extra(proof)
                return {"tool_calls": [{"index": index, **extra}]} if extra else {}
            case Proved(of="thinking", proof=proof):
                self._proofs += 1
                return {"reasoning_details": [proofs.detail("", proof, self._proofs - 1)]}
            case Produced(media=produced):
                return {"images": [_image(produced)]} if produced.kind == "image" else {}
            case Cited(citation=citation):
                return {"annotations": [_annotation(citation)]}
            case _:
                return {}

    def _chunk(self, delta: dict[str, Any], index: int, finish: str | None, logprobs: Any = None) -> bytes:
        choice: dict[str, Any] = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        chunk = {**_head(self._how, "chat.completion.chunk", self._begin), "choices": [choice]}
        if self._how.wants_usage:
            chunk["usage"] = None
        return _frame(chunk)


class WholeWriter:
    """One completion (contract: core/conversion.py, Writer)."""

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
        """The completion."""
        fold = self._fold
        body = _head(self._how, "chat.completion", fold.begin)
        body["choices"] = [_folded(index, choice) for index, choice in sorted(fold.choices.items())]
        if fold.usage is not None:
            body["usage"] = write_usage(fold.usage, cost)
        return json.encode(body)

    def cutoff(self) -> bytes:
        """A whole answer is never cut off."""
        return b""

    def late(self, fault: Fault) -> bytes:
        """Nothing of a whole answer is out before its end: the fault is told in its place."""
        del fault
        return b""


def _folded(index: int, choice: FoldedChoice) -> dict[str, Any]:
    parts = choice.parts()
    calls = [part for part in parts if isinstance(part, ToolCall)]
    message: dict[str, Any] = {"role": "assistant", "content": choice.text() or (None if calls else "")}
    message["refusal"] = "".join(part.text for part in parts if isinstance(part, Refusal)) or None
    if thinking := choice.thinking():
        message["reasoning_content"] = thinking
    proved = [part for part in parts if isinstance(part, Thinking) and part.proof is not None]
    if proved:
        message["reasoning_details"] = [
            proofs.detail(part.text, part.proof, at) for at, part in enumerate(proved) if part.proof
        ]
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    if images := [_image(part) for part in parts if isinstance(part, Media) and part.kind == "image"]:
        message["images"] = images
    if notes := [_annotation(cited) for part in parts if isinstance(part, Text) for cited in part.citations]:
        message["annotations"] = notes
    logprobs = {"content": [_score(score) for score in choice.scores]} if choice.scores else None
    finish = _REASONS[choice.reason or "stop"]
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": finish}


def _frame(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.encode(chunk) + b"\n\n"


def _begun(event: CallBegin) -> dict[str, Any]:
    if event.custom:
        return {"index": event.index, "id": event.id, "type": "custom", "custom": {"name": event.name, "input": ""}}
    return {"index": event.index, "id": event.id, "type": "function", "function": {"name": event.name, "arguments": ""}}


def _call(call: ToolCall) -> dict[str, Any]:
    if call.custom:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function, **proofs.call_extra(call.proof)}


def _image(made: Media) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": media.to_url(made)}}


def _annotation(cited: Citation) -> dict[str, Any]:
    found = {"url": cited.url, "title": cited.title, "start_index": cited.start or 0, "end_index": cited.end or 0}
    return {"type": "url_citation", "url_citation": found}


def _score(score: Score) -> dict[str, Any]:
    said = {"token": score.token, "logprob": score.logprob, "bytes": list(score.token.encode())}
    return {**said, "top_logprobs": [{**_score(other), "top_logprobs": []} for other in score.top]}


def write_usage(usage: Usage, cost: str) -> dict[str, Any]:
    """Counts on OpenAI's base: the prompt with what was cached, the completion with reasoning."""
    prompt, completion = usage.prompt_total, usage.output_total
    asked = {"cached_tokens": usage.cache_read, "audio_tokens": usage.audio_input}
    if written := usage.cache_write_5m + usage.cache_write_1h:
        asked["cache_write_tokens"] = written
    made = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output}
    searched = {"server_tool_use": {"web_search_requests": usage.searches}} if usage.searches else {}
    return {
        **searched,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": asked,
        "completion_tokens_details": made,
        **({"cost": Raw(cost.encode())} if cost else {}),
    }
