"""POST /v1/messages and /v1/messages/count_tokens: the characters in Anthropic's dialect, whole and streamed.

Source of the order of events: recordings of api.anthropic.com; platform.claude.com/docs, "Streaming Messages".
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from entrepot.kit import json
from entrepot.sandbox import characters, chat
from entrepot.sandbox.answers import Answer, Stamp, Stream, Whole, refusal, whole
from entrepot.sandbox.chat_stream import filler
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.listening import prompt_tokens
from entrepot.sandbox.messages_requests import CountRequest, MessagesRequest, as_chat
from entrepot.sandbox.names import Name
from entrepot.sandbox.replies import Call, Reply
from entrepot.sandbox.requests import ChatRequest
from entrepot.sandbox.tongues import ANTHROPIC
from entrepot.sandbox.wording import Plain, pieces
from entrepot.sandbox.wording import count as count_tokens

_MARK = "\x00fill\x00"
_MARK_CODED = json.encode(_MARK)[1:-1]
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


class Said(msgspec.Struct, frozen=True):
    """An answer before it is put into bytes."""

    stamp: Stamp
    model: str
    reply: Reply
    thinks: bool
    stop: str
    stop_sequence: str | None
    usage: dict[str, Any] | None
    """None where no usage shall be sent."""

    @property
    def message(self) -> dict[str, Any]:
        """The message without content, as it begins."""
        return {
            "model": self.model,
            "id": self.stamp.id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
        }


def answer(request: MessagesRequest, name: Name, stamp: Stamp, faults: Faults) -> Answer:
    """The answer of one character. Raises Refusal (400)."""
    _check(request)
    asked = as_chat(request)
    reply = characters.reply(asked, name)
    if not request.thinks:
        reply = reply.changed(reasoning=Plain(""))
    heard = reply
    reply = chat.capped(reply, asked)
    said = Said(stamp, request.model, reply, request.thinks, *_stop(heard, reply, request), _usage(asked, reply, faults))
    if request.stream:
        return Stream(_frames(said, faults), reply.gap)
    return _whole(said, faults)


def count(request: CountRequest, _name: Name, _stamp: Stamp, _faults: Faults) -> Answer:
    """Tokens of the conversation and its tools. Raises Refusal (400)."""
    if not request.messages:
        raise refusal(400, "messages: at least one message is required", "messages")
    return whole({"input_tokens": _prompt(as_chat(request))})


def _check(request: MessagesRequest) -> None:
    if not request.messages:
        raise refusal(400, "messages: at least one message is required", "messages")
    if request.max_tokens < 1:
        raise refusal(400, "max_tokens: Input should be greater than or equal to 1", "max_tokens")
    thinking = request.thinking
    if thinking is not None and thinking.type == "enabled" and not 1024 <= thinking.budget_tokens < request.max_tokens:
        raise refusal(400, "thinking: budget_tokens is 1024 at least, and less than max_tokens", "thinking")


def _stop(heard: Reply, reply: Reply, request: MessagesRequest) -> tuple[str, str | None]:
    """Why it stopped, and at which sequence."""
    if reply.calls:
        return "tool_use", None
    if reply.finish == "length":
        return "max_tokens", None
    full = heard.text.whole() if heard.text is not None and request.stop_sequences else ""
    found = [(at, stop) for stop in request.stop_sequences or () if stop and (at := full.find(stop)) != -1]
    return ("stop_sequence", min(found)[1]) if found else ("end_turn", None)


def _prompt(asked: ChatRequest) -> int:
    """Tokens of messages and tools."""
    return prompt_tokens(asked) + sum(count_tokens(json.encode(tool).decode()) for tool in asked.tools or ())


def _usage(asked: ChatRequest, reply: Reply, faults: Faults) -> dict[str, Any] | None:
    """Input without what was read from the cache, output with thinking, as Anthropic counts."""
    if faults.no_usage:
        return None
    prompt = _prompt(asked)
    cached = min(faults.cached, prompt)
    said = reply.text.count if reply.text else 0
    said += sum(count_tokens(call.arguments) + chat.CALL_TOKENS for call in reply.calls)
    return {
        "input_tokens": prompt - cached,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": max(said + reply.reasoning.count, 1),
        "service_tier": "standard",
    }


def _signature(thought: str) -> str:
    """A proof of nothing, which looks like one."""
    return hashlib.sha256(thought.encode()).hexdigest()


def _call_id(stamp: Stamp, number: int) -> str:
    return f"toolu_{stamp.id[-20:]}{number:02x}"


def _arguments(call: Call) -> Any:
    try:
        return json.decode(call.arguments)
    except json.JsonError:
        return {}


def _whole(said: Said, faults: Faults) -> Whole:
    """The document, with room for filler where `big` asks for it."""
    reply, size = said.reply, faults.big if said.reply.text is not None else 0
    content: list[dict[str, Any]] = []
    if thought := reply.reasoning.whole():
        content.append({"type": "thinking", "thinking": thought, "signature": _signature(thought)})
    if reply.text is not None and (text := reply.text.whole() + (_MARK if size else "")):
        content.append({"type": "text", "text": text})
    content += [
        {"type": "tool_use", "id": _call_id(said.stamp, number), "name": call.name, "input": _arguments(call)}
        for number, call in enumerate(reply.calls)
    ]
    document = said.message | {"content": content, "stop_reason": said.stop, "stop_sequence": said.stop_sequence}
    if said.usage is not None:
        document["usage"] = said.usage
    body = json.encode(document)
    if not size:
        return Whole(body, wait=reply.wait)
    return Whole(body.replace(_MARK_CODED, b""), wait=reply.wait, filler=size, fill_at=body.find(_MARK_CODED))


def _frames(said: Said, faults: Faults) -> Iterator[bytes]:
    """All events of the stream."""
    begun = {} if said.usage is None else {"usage": said.usage | {"output_tokens": 1}}
    yield _event("message_start", message=said.message | begun)
    index, reply = 0, said.reply
    if thought := reply.reasoning.whole():
        yield from _thinking(reply, thought)
        index = 1
    if reply.text is not None:
        yield from _text(reply, index, faults)
        index += 1
    for number, call in enumerate(reply.calls):
        yield from _call(call, index + number, _call_id(said.stamp, number))
    delta = {"stop_reason": said.stop, "stop_sequence": said.stop_sequence}
    ended = {} if said.usage is None else {"usage": {"output_tokens": said.usage["output_tokens"]}}
    yield _event("message_delta", delta=delta, **ended)
    yield ANTHROPIC.done


def _thinking(reply: Reply, thought: str) -> Iterator[bytes]:
    yield _start(0, {"type": "thinking", "thinking": "", "signature": ""})
    yield PING
    yield from _deltas(0, b'{"type":"thinking_delta","thinking":', reply.reasoning.encoded())
    yield _event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": _signature(thought)})
    yield _event("content_block_stop", index=0)


def _text(reply: Reply, index: int, faults: Faults) -> Iterator[bytes]:
    if reply.text is None:
        return
    yield _start(index, {"type": "text", "text": ""})
    if not index:
        yield PING
    before = b'{"type":"text_delta","text":'
    yield from _deltas(index, before, reply.text.encoded())
    yield from _deltas(index, before, filler(faults))
    yield _event("content_block_stop", index=index)


def _call(call: Call, index: int, name: str) -> Iterator[bytes]:
    yield _start(index, {"type": "tool_use", "id": name, "name": call.name, "input": {}})
    parts = ["", *pieces(call.arguments)]
    yield from _deltas(index, b'{"type":"input_json_delta","partial_json":', map(json.encode, parts))
    yield _event("content_block_stop", index=index)


def _deltas(index: int, before: bytes, tokens: Iterator[bytes]) -> Iterator[bytes]:
    start = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":' % index + before
    for token in tokens:
        yield start + token + b"}}\n\n"


def _start(index: int, block: dict[str, Any]) -> bytes:
    return _event("content_block_start", index=index, content_block=block)


def _event(kind: str, **members: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + json.encode({"type": kind, **members}) + b"\n\n"
