"""Turns as the messages of a Messages request, by the rules that Anthropic's API insists on.

The user speaks first; every call is answered in the very next message, results before all else; no text is empty.
Source: platform.claude.com/docs, "Tool use", "Messages examples"; errors that recordings and users report.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from entrepot.core.ask import Cache, Media, Native, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.blocks import NAME, REDACTED
from entrepot.dialects.shared import media
from entrepot.dialects.shared.body import Body
from entrepot.kit import json

_PICTURES = frozenset(("image/jpeg", "image/png", "image/gif", "image/webp"))
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
_UNANSWERED = "(no result)"
_GO_ON = "(go on)"


def write_messages(body: Body) -> list[dict[str, Any]]:
    """All messages. Raises Fault(INVALID_FIELD) naming what cannot be said."""
    messages: list[dict[str, Any]] = []
    waiting: list[str] = []
    """Ids of calls that the next message must answer."""
    for turn in _sided(body.ask.turns):
        if turn.role == "assistant":
            blocks = list(_assistant(body, turn.parts))
            waiting = [block["id"] for block in blocks if block["type"] == "tool_use"]
        else:
            blocks = list(_user(body, turn.parts, waiting))
            waiting = []
        if blocks:
            messages.append({"role": turn.role, "content": blocks})
    if waiting:
        messages.append({"role": "user", "content": [_unanswered(number) for number in waiting]})
    if not messages or messages[0]["role"] != "user":
        messages.insert(0, {"role": "user", "content": [{"type": "text", "text": _GO_ON}]})
    return messages


def _sided(turns: Sequence[Turn]) -> Iterator[Turn]:
    """What the system says in between is said by the user's side: older models know no system there."""
    held: list[Part] = []
    side = ""
    for turn in turns:
        role = "user" if turn.role == "system" else turn.role
        if role != side and held:
            yield Turn(side, tuple(held))  # pyright: ignore[reportArgumentType]
            held = []
        side = role
        held.extend(turn.parts)
    if held:
        yield Turn(side, tuple(held))  # pyright: ignore[reportArgumentType]


def _assistant(body: Body, parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                if text.strip():
                    yield {"type": "text", "text": text.rstrip(), **mark(getattr(part, "cache", ""))}
            case Thinking():
                yield from _thought(part)
            case ToolCall():
                made = {"type": "tool_use", "id": safe_id(part.id), "name": body.name(part.name), "input": input_of(part)}
                yield {**made, **mark(part.cache)}
            case Native(dialect=dialect, kind=kind, raw=raw):
                if dialect == NAME:
                    yield json.decode(bytes(raw))
                else:
                    body.dropped[kind] = None
            case _:
                body.dropped["assistant.media"] = None


def _thought(part: Thinking) -> Iterator[dict[str, Any]]:
    """Only with Anthropic's own signature: without one it would be refused."""
    if part.proof is None or part.proof.dialect != NAME:
        return
    data = part.proof.data
    if data.startswith(REDACTED):
        yield {"type": "redacted_thinking", "data": data.removeprefix(REDACTED)}
    else:
        yield {"type": "thinking", "thinking": part.text, "signature": data}


def _user(body: Body, parts: Sequence[Part], waiting: Sequence[str]) -> Iterator[dict[str, Any]]:
    results = {safe_id(part.call_id): part for part in parts if isinstance(part, ToolResult)}
    for number in waiting:
        yield _result(number, results[number]) if number in results else _unanswered(number)
    for part in parts:
        match part:
            case ToolResult(call_id=number):
                if safe_id(number) not in waiting:  # an answer to a call that is not there
                    yield from (block for inner in part.content for block in _said(inner))
            case Text() | Media():
                yield from _said(part)
            case Native(dialect=dialect, kind=kind, raw=raw):
                if dialect == NAME:
                    yield json.decode(bytes(raw))
                else:
                    body.dropped[kind] = None
            case _:
                raise Fault(Kind.INVALID_FIELD, f"A user's turn cannot hold a {type(part).__name__}.", param="messages")


def _result(number: str, result: ToolResult) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "tool_result", "tool_use_id": number}
    blocks = [block for part in result.content for block in _said(part)]
    if blocks:
        made["content"] = blocks[0]["text"] if len(blocks) == 1 and set(blocks[0]) == {"type", "text"} else blocks
    if result.failed:
        made["is_error"] = True
    return {**made, **mark(result.cache)}


def _unanswered(number: str) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": number, "content": _UNANSWERED, "is_error": True}


def _said(part: Text | Media) -> Iterator[dict[str, Any]]:
    if isinstance(part, Media):
        yield {**_media(part), **mark(part.cache)}
    elif part.text.strip():
        yield {"type": "text", "text": part.text, **mark(part.cache)}


def _media(part: Media) -> dict[str, Any]:
    titled = {"title": part.name} if part.name and part.kind == "document" else {}
    if part.kind in ("image", "document") and part.url:
        return {"type": part.kind, "source": {"type": "url", "url": part.url}, **titled}
    if part.kind == "image" and part.mime in _PICTURES:
        return {"type": "image", "source": {"type": "base64", "media_type": part.mime, "data": part.data}}
    if part.kind == "document" and part.mime == "application/pdf":
        source = {"type": "base64", "media_type": part.mime, "data": part.data}
        return {"type": "document", "source": source, **titled}
    if part.kind == "document" and (part.mime.startswith("text/") or part.mime == "application/json"):
        source = {"type": "text", "media_type": "text/plain", "data": media.words_of(part)}
        return {"type": "document", "source": source, **titled}
    message = f"This upstream takes no {part.kind} of type '{part.mime or 'unknown'}'."
    raise Fault(Kind.INVALID_FIELD, message, param="messages", code="unsupported_content")


def mark(cache: Cache) -> dict[str, Any]:
    """A block's `cache_control`, where it has a mark."""
    if not cache:
        return {}
    return {"cache_control": {"type": "ephemeral"} if cache == "5m" else {"type": "ephemeral", "ttl": cache}}


def input_of(call: ToolCall) -> Any:
    """The arguments as an object. Those that are cut off go as Anthropic's guide to fine-grained streaming says."""
    if call.custom:
        return {"input": call.arguments}
    try:
        value = json.decode(call.arguments)
    except json.JsonError:
        value = None
    return value if isinstance(value, dict) else {"INVALID_JSON": call.arguments}  # pyright: ignore[reportUnknownVariableType]


def safe_id(number: str) -> str:
    """An id of a call as Anthropic takes it: letters, digits, `_` and `-`."""
    return _NOT_IN_ID.sub("_", number) or "call"
