"""A chat reply as a stream of chunks, in the order recorded from OpenAI.

The role with empty content (a tool call: with null), the tokens, an empty delta with the finish
reason, then, only if asked for, usage with no choices; `[DONE]` ends it.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from entrepot.kit import json
from entrepot.sandbox.answers import DONE, FINGERPRINT, Stamp
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.replies import Reply, Usage, call_id, score, sound_id
from entrepot.sandbox.requests import ChatRequest
from entrepot.sandbox.wording import pieces

FILL_FRAME = 16_384
_AUDIO_FRAME = 4096


class Envelope:
    """What all chunks of a stream share, encoded once."""

    __slots__ = ("_close", "_head", "_opens")

    def __init__(self, request: ChatRequest, stamp: Stamp) -> None:
        shared = {
            "id": stamp.id,
            "object": "chat.completion.chunk",
            "created": stamp.created,
            "model": request.model,
            "service_tier": "default",
            "system_fingerprint": FINGERPRINT,
        }
        self._head = b"data: " + json.encode(shared)[:-1] + b',"choices":['
        self._close = b'],"usage":null}\n\n' if request.wants_usage else b"]}\n\n"
        self._opens = [self._head + b'{"index":%d,"delta":' % index for index in range(request.n or 1)]

    @property
    def choices(self) -> range:
        """Indexes of the choices."""
        return range(len(self._opens))

    def content(self, index: int, before: bytes, after: bytes) -> tuple[bytes, bytes]:
        """The bytes around an encoded token, so that a chunk is one concatenation."""
        return self._opens[index] + before, after + b',"logprobs":null,"finish_reason":null}' + self._close

    def chunk(self, index: int, delta: Any, finish: str | None = None, logprobs: Any = None) -> bytes:
        """Any chunk of one choice."""
        rest = b',"logprobs":' + json.encode(logprobs) + b',"finish_reason":' + json.encode(finish) + b"}"
        return self._opens[index] + json.encode(delta) + rest + self._close

    def usage(self, usage: Usage) -> bytes:
        """The last chunk: usage, and no choice."""
        return self._head + b'],"usage":' + json.encode(usage) + b"}\n\n"


def frames(request: ChatRequest, reply: Reply, stamp: Stamp, usage: Usage | None, faults: Faults) -> Iterator[bytes]:
    """All frames of the stream; choices take turns."""
    envelope = Envelope(request, stamp)
    yield from _opening(envelope, reply, stamp)
    yield from _tokens(envelope, reply.reasoning.encoded(), b'{"reasoning_content":')
    if reply.text is not None and request.logprobs:
        for piece in reply.text.pieces():
            scores = {"content": [score(piece)], "refusal": None}
            yield from (envelope.chunk(index, {"content": piece}, None, scores) for index in envelope.choices)
    elif reply.text is not None:
        yield from _tokens(envelope, chain(reply.text.encoded(), filler(faults)), b'{"content":')
    if reply.sound is not None:
        yield from _sound(envelope, reply, stamp)
    yield from _calls(envelope, reply, stamp)
    yield from (envelope.chunk(index, {}, reply.finish) for index in envelope.choices)
    if request.wants_usage and usage is not None:
        yield envelope.usage(usage)
    yield DONE


def _opening(envelope: Envelope, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
    """The role; a lone tool call begins in the same chunk."""
    for index in envelope.choices:
        delta: dict[str, Any] = {"role": "assistant", "content": None if reply.calls else ""}
        if reply.legacy and reply.calls:
            delta["function_call"] = {"name": reply.calls[0].name, "arguments": ""}
        elif len(reply.calls) == 1:
            delta["tool_calls"] = [{"index": 0, "id": call_id(stamp, index, 0), **reply.calls[0].shape("")}]
        delta["refusal"] = None
        yield envelope.chunk(index, delta)


def _tokens(envelope: Envelope, tokens: Iterator[bytes], before: bytes) -> Iterator[bytes]:
    if len(envelope.choices) == 1:
        start, end = envelope.content(0, before, b"}")
        for token in tokens:
            yield start + token + end
        return
    around = [envelope.content(index, before, b"}") for index in envelope.choices]
    for token in tokens:
        for start, end in around:
            yield start + token + end


def filler(faults: Faults) -> Iterator[bytes]:
    """Content that `frame` and `big` ask for."""
    if faults.frame:
        yield b'"' + b"x" * faults.frame + b'"'
    rounds, rest = divmod(faults.big, FILL_FRAME)
    block = b'"' + b"x" * FILL_FRAME + b'"'
    for _ in range(rounds):
        yield block
    if rest:
        yield b'"' + b"x" * rest + b'"'


def _calls(envelope: Envelope, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
    """Arguments in pieces; one call after the other."""
    for number, call in enumerate(reply.calls):
        for index in envelope.choices:
            if len(reply.calls) > 1:
                first = {"index": number, "id": call_id(stamp, index, number), **call.shape("")}
                yield envelope.chunk(index, {"tool_calls": [first]})
            for piece in pieces(call.arguments):
                if reply.legacy:
                    yield envelope.chunk(index, {"function_call": {"arguments": piece}})
                else:
                    yield envelope.chunk(index, {"tool_calls": [{"index": number, **call.more(piece)}]})


def _sound(envelope: Envelope, reply: Reply, stamp: Stamp) -> Iterator[bytes]:
    """The transcript first, then the samples, then how long the sound is kept."""
    if reply.sound is None:
        return
    name, sound = sound_id(stamp), reply.sound
    for index in envelope.choices:
        for piece in pieces(sound.transcript):
            yield envelope.chunk(index, {"audio": {"id": name, "transcript": piece}})
        for at in range(0, len(sound.data), _AUDIO_FRAME):
            yield envelope.chunk(index, {"audio": {"id": name, "data": sound.data[at : at + _AUDIO_FRAME]}})
        yield envelope.chunk(index, {"audio": {"id": name, "expires_at": stamp.created + 3600}})
