"""The well-formed end of a Messages stream that is ended before its time."""

from typing import Any

from entrepot.kit import json

STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def cut_off(open_block: int | None, usage: dict[str, Any], *, started: bool) -> bytes:
    """The open block ends, the message stops with `max_tokens` and this usage; one that never began is an empty one."""
    out = b"" if started else event("message_start", message=_EMPTY | {"usage": usage})
    if open_block is not None:
        out += event("content_block_stop", index=open_block)
    return out + event("message_delta", delta={"stop_reason": "max_tokens", "stop_sequence": None}, usage=usage) + STOP


def event(kind: str, **members: Any) -> bytes:
    """One event as a frame."""
    return b"event: " + kind.encode() + b"\ndata: " + json.encode({"type": kind, **members}) + b"\n\n"


_EMPTY: dict[str, Any] = {
    "id": "msg_cut_off",
    "type": "message",
    "role": "assistant",
    "model": "",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
}
