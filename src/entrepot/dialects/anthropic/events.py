"""The events of a Messages stream: what tells content, end, usage and error.

`read` is one typed decode, well under a microsecond; what it refuses is read by `read_lenient`. `type` inside the data
is what counts; the `event:` line repeats it, and clients drop an event without one (anthropic/_streaming.py).
Source: platform.claude.com/docs, "Streaming Messages".
"""

from typing import Any

import msgspec

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.mending import mended
from entrepot.kit import json

BARE_BLOCKS = frozenset(("text", "thinking", "tool_use", "server_tool_use", "mcp_tool_use", "fallback", ""))
"""Blocks that begin empty; all others (results of server tools, redacted thinking, compaction …) come whole in their start."""
CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))


class Delta(msgspec.Struct, gc=False):
    """What a block gains, or how the message ends."""

    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class Block(msgspec.Struct, gc=False):
    """A content block, as it begins or whole."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()


class Message(msgspec.Struct, gc=False):
    """The message that begins."""

    usage: dict[str, Any] | None = None
    stop_reason: str | None = None
    """Null, but for a step of a program that calls tools, which comes whole: its usage was counted with the step before."""


class Event(msgspec.Struct, gc=False):
    """One event; which members it has depends on its type."""

    type: str = ""
    index: int | None = None
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: dict[str, Any] | None = None
    error: msgspec.Raw = msgspec.Raw()


read = msgspec.json.Decoder(Event).decode


def read_lenient(payload: bytes) -> Event:
    """An event whose types surprise. Raises Fault(VENDOR_GARBAGE) where it is no JSON object at all."""
    try:
        try:
            value = json.decode(payload)
        except json.JsonError:
            value = json.decode(mended(payload))
    except json.JsonError as error:
        raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None
    if not isinstance(value, dict):
        raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer could not be understood: an event is no JSON object.")
    fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    index, error = fields.get("index"), fields.get("error")
    return Event(
        type=_text(fields.get("type")) or "",
        index=index if type(index) is int else None,
        delta=_delta(fields.get("delta")),
        content_block=block(fields.get("content_block")),
        message=_message(fields.get("message")),
        usage=_object(fields.get("usage")) or None,
        error=json.raw(error) if error else msgspec.Raw(),
    )


def block(value: Any) -> Block | None:
    """A block of any types; None where it is no object."""
    fields = _object(value)
    if not fields:
        return None
    given = fields.get("input")
    return Block(
        type=_text(fields.get("type")) or "",
        text=_text(fields.get("text")),
        thinking=_text(fields.get("thinking")),
        name=_text(fields.get("name")),
        input=json.raw(given) if given else msgspec.Raw(),
    )


def _message(value: Any) -> Message | None:
    fields = _object(value)
    return Message(_object(fields.get("usage")) or None, _text(fields.get("stop_reason"))) if fields else None


def _delta(value: Any) -> Delta | None:
    fields = _object(value)
    if not fields:
        return None
    return Delta(*(_text(fields.get(name)) for name in Delta.__struct_fields__))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
