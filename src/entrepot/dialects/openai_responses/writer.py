"""Events as a Responses answer to a client, streamed and whole.

Every frame is numbered without a gap, and the last one has the whole answer in it: clients read that rather than the deltas.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from entrepot.core.conversion import Writing
from entrepot.core.events import Begin, CallBegin, CallDelta, Cited, Counted, Delta, Event, Finish, Held, Produced, Proved
from entrepot.core.faults import Fault
from entrepot.core.usage import Usage
from entrepot.dialects.openai_responses.outputs import CallOutput, MessageOutput, Output, ReasoningOutput, image_output
from entrepot.dialects.openai_responses.proofs import NAME, wrap
from entrepot.kit import json
from entrepot.kit.json import Raw

_ECHOED = (
    "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "reasoning", "temperature", "text", "tool_choice",
    "tools", "top_p", "truncation", "user",
)  # fmt: skip
_ECHO_LIMIT = 4096
"""Bytes of a request's field that are repeated in the answer, and kept while it streams."""
_DEFAULTS: Mapping[str, Any] = {
    "background": False,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": False,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
_INCOMPLETE: Mapping[str, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


class StreamWriter:
    """Frames as they come (contract: core/conversion.py, Writer)."""

    __slots__ = (
        "_begun", "_calls", "_created", "_echo", "_finish", "_how", "_open", "_outputs", "_sequence", "_usage", "content_type",
    )  # fmt: skip

    def __init__(self, how: Writing) -> None:
        self.content_type = b"text/event-stream; charset=utf-8"
        self._how = how
        members = how.peek.members if how.peek is not None else {}
        self._echo = {name: members[name] for name in _ECHOED if name in members and len(bytes(members[name])) <= _ECHO_LIMIT}
        self._begun = False
        self._created = how.created
        self._sequence = -1
        self._outputs: list[Output] = []
        self._open: Output | None = None
        """The item of words that grows."""
        self._calls: dict[int, CallOutput] = {}
        """Calls that are not done, by number."""
        self._finish = Finish("stop")
        self._usage: Usage | None = None

    def feed(self, events: Iterable[Event]) -> bytes:
        """What may go out now."""
        return b"".join([frame for event in events for frame in self._event(event)])

    def end(self, cost: str = "") -> bytes:
        """Items that are open are done, and the response is."""
        frames = [*self._start(), *self._close(), *self._close_calls()]
        response = self.final(cost)
        frames.append(self.say(f"response.{response['status']}", response=response))
        return b"".join(frames)

    def final(self, cost: str) -> dict[str, Any]:
        """The whole response, every item done."""
        for _ in (*self._close(), *self._close_calls()):
            pass
        return self.response("incomplete" if self._finish.reason in _INCOMPLETE else "completed", cost)

    def cutoff(self) -> bytes:
        """As if the vendor had reached its cap."""
        self._finish = Finish("length")
        return self.end()

    def late(self, fault: Fault) -> bytes:
        """The error, and a response that has failed."""
        error = {"code": fault.code or fault.row.type, "message": fault.message}
        frames = [*self._start(), self.say("error", **error, param=fault.param)]
        frames.append(self.say("response.failed", response={**self.response("failed", ""), "error": error}))
        return b"".join(frames)

    def say(self, kind: str, **members: Any) -> bytes:
        """One frame, with its number."""
        self._sequence += 1
        said = json.encode({"type": kind, "sequence_number": self._sequence, **members})
        return b"event: " + kind.encode() + b"\ndata: " + said + b"\n\n"

    def response(self, status: str, cost: str) -> dict[str, Any]:
        """The response object as it stands."""
        why = {"reason": _INCOMPLETE[self._finish.reason]} if status == "incomplete" else None
        usage = write_usage(self._usage, cost) if self._usage is not None and status != "in_progress" else None
        return {
            "id": f"resp_{self._how.seed}",
            "object": "response",
            "created_at": self._created,
            "status": status,
            **_DEFAULTS,
            **self._echo,
            "model": self._how.model,
            "incomplete_details": why,
            "output": [output.fields for output in self._outputs],
            "usage": usage,
        }

    def _event(self, event: Event) -> Iterator[bytes]:
        match event:
            case Begin(usage=usage, created=created):
                self._usage, self._created = usage, created or self._created
            case Counted(usage=usage):
                self._usage = usage
            case Finish(choice=0):
                self._finish = event
            case CallBegin(choice=0):
                yield from self._call(event)
            case CallDelta(choice=0, index=index, text=text):
                if (call := self._calls.get(index)) is not None:
                    yield from call.more(text)
            case _ if getattr(event, "choice", 0) == 0:
                yield from self._content(event)
            case _:
                pass  # this format has one alternative

    def _content(self, event: Event) -> Iterator[bytes]:
        match event:
            case Delta(kind=kind, text=text):
                output, frames = self._enter(kind)
                yield from frames
                yield from output.more(text)
            case Proved(of="thinking", proof=proof):
                output, frames = self._enter("thinking")
                yield from frames
                output.fields["encrypted_content"] = wrap(proof)
                yield from self._close()
            case Cited(citation=citation):
                if isinstance(self._open, MessageOutput):
                    yield self._open.cite(citation)
            case Produced(media=media):
                if media.kind == "image":
                    yield from self._whole(image_output(len(self._outputs), self.say, self._number(), media))
            case Held(native=native):
                if native.dialect == NAME:
                    yield from self._whole(Output("native", len(self._outputs), self.say, json.decode(bytes(native.raw))))
            case _:
                pass

    def _number(self) -> str:
        return f"{self._how.seed}_{len(self._outputs)}"

    def _start(self) -> Iterator[bytes]:
        if not self._begun:
            self._begun = True
            response = self.response("in_progress", "")
            yield self.say("response.created", response=response)
            yield self.say("response.in_progress", response=response)

    def _add(self, output: Output) -> Iterator[bytes]:
        yield from self._start()
        self._outputs.append(output)
        yield from output.begin()

    def _enter(self, kind: str) -> tuple[Output, list[bytes]]:
        """The item in which words of a kind go on, and the frames that open it."""
        if self._open is not None and self._open.kind == kind:
            return self._open, []
        frames = [*self._close(), *self._close_calls(whole=True)]
        index, number = len(self._outputs), self._number()
        made = ReasoningOutput(index, self.say, number) if kind == "thinking" else MessageOutput(kind, index, self.say, number)
        frames.extend(self._add(made))
        self._open = made
        return made, frames

    def _call(self, event: CallBegin) -> Iterator[bytes]:
        yield from self._close()
        kind = "custom_tool_call" if event.custom else "function_call"
        fields = {"type": kind, "call_id": event.id, "name": event.name}
        call = self._calls[event.index] = CallOutput(len(self._outputs), self.say, self._number(), fields)
        yield from self._add(call)

    def _whole(self, output: Output) -> Iterator[bytes]:
        yield from self._close()
        yield from self._add(output)
        yield from output.done()

    def _close(self) -> Iterator[bytes]:
        if self._open is not None:
            yield from self._open.done()
            self._open = None

    def _close_calls(self, *, whole: bool = False) -> Iterator[bytes]:
        """All that are open; or those only whose arguments are whole: vendors say words in between."""
        for index, call in list(self._calls.items()):
            if not whole or call.whole:
                del self._calls[index]
                yield from call.done()


class WholeWriter:
    """One response: what a stream would end with (contract: core/conversion.py, Writer)."""

    __slots__ = ("_stream", "content_type")

    def __init__(self, how: Writing) -> None:
        self.content_type = b"application/json"
        self._stream = StreamWriter(how)

    def feed(self, events: Iterable[Event]) -> bytes:
        """Nothing yet."""
        self._stream.feed(events)
        return b""

    def end(self, cost: str = "") -> bytes:
        """The response."""
        return json.encode(self._stream.final(cost))

    def cutoff(self) -> bytes:
        """A whole answer is never cut off."""
        return b""

    def late(self, fault: Fault) -> bytes:
        """Nothing of a whole answer is out before its end: the fault is told in its place."""
        del fault
        return b""


def write_usage(usage: Usage, cost: str) -> dict[str, Any]:
    """Counts on OpenAI's base, under the names of Responses."""
    prompt, made = usage.prompt_total, usage.output_total
    asked = {"cached_tokens": usage.cache_read}
    if written := usage.cache_write_5m + usage.cache_write_1h:
        asked["cache_write_tokens"] = written
    counts: dict[str, Any] = {
        "input_tokens": prompt,
        "input_tokens_details": asked,
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": prompt + made,
    }
    return {**counts, **({"cost": Raw(cost.encode())} if cost else {})}
