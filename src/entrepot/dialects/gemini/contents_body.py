"""Turns as the contents of a generateContent request, by the rules that Google's API insists on.

As many responses as calls, in one content, right after them and in their order; a call of a model that signs its calls
carries its signature. Source: ai.google.dev, "Function calling", "Thought signatures"; errors that users report.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from entrepot.core.ask import Media, Native, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.gemini.contents import NAME, SKIP
from entrepot.dialects.shared.body import Body
from entrepot.kit import json

FETCHED = ("https://www.youtube.com/", "https://youtu.be/")
"""Addresses that Google reads itself. Never what lies at Google: the channel's key would open other tenants' files."""
_GO_ON = "(go on)"
_NO_RESULT = {"error": "no result"}


def write_contents(body: Body, *, signed: bool) -> list[dict[str, Any]]:
    """All contents. Raises Fault(INVALID_FIELD) naming what cannot be said."""
    contents: list[dict[str, Any]] = []
    waiting: list[ToolCall] = []
    for turn in body.ask.turns:
        if turn.role == "assistant":
            if waiting:
                contents.append(_unanswered(body, waiting))
            parts = list(_model(body, turn.parts, signed=signed))
            waiting = [part for part in turn.parts if isinstance(part, ToolCall)]
            role = "model"
        else:
            parts, waiting, role = list(_user(body, turn.parts, waiting, inside=signed)), [], "user"
        if parts:
            contents.append({"role": role, "parts": parts})
    if waiting:
        contents.append(_unanswered(body, waiting))
    return contents or [{"role": "user", "parts": [{"text": _GO_ON}]}]


def _model(body: Body, parts: Sequence[Part], *, signed: bool) -> Iterator[dict[str, Any]]:
    first = True
    for part in parts:
        match part:
            case Text(text=text) | Refusal(text=text):
                if text:
                    yield {"text": text, **_signature(part)}
            case Thinking(proof=proof):
                if proof is not None and proof.dialect == NAME:
                    yield {"text": part.text, "thought": True, "thoughtSignature": proof.data}
            case ToolCall():
                said = {"input": part.arguments} if part.custom else json.decode(part.arguments)
                proof = _signature(part) or ({"thoughtSignature": SKIP} if signed and first else {})
                first = False
                yield {"functionCall": {"name": body.name(part.name), "args": said}, **proof}
            case Media():
                yield {**media_part(part), **_signature(part)}
            case Native(dialect=dialect, kind=kind, raw=raw):
                if dialect == NAME:
                    yield json.decode(bytes(raw))
                else:
                    body.dropped[kind] = None
            case _:
                raise Fault(Kind.INVALID_FIELD, "An assistant's turn cannot hold a tool's result.", param="messages")


def _signature(part: Any) -> dict[str, str]:
    proof = getattr(part, "proof", None)
    return {"thoughtSignature": proof.data} if proof is not None and proof.dialect == NAME else {}


def _unanswered(body: Body, waiting: Sequence[ToolCall]) -> dict[str, Any]:
    return {"role": "user", "parts": [_response(body, call, None, inside=False) for call in waiting]}


def _user(body: Body, parts: Sequence[Part], waiting: Sequence[ToolCall], *, inside: bool) -> Iterator[dict[str, Any]]:
    results = {part.call_id: part for part in parts if isinstance(part, ToolResult)}
    for call in waiting:
        yield _response(body, call, results.get(call.id), inside=inside)
    known = {call.id for call in waiting}
    for part in parts:
        match part:
            case ToolResult():
                spare = part.content if part.call_id not in known else ()
                yield from ({"text": inner.text} for inner in spare if isinstance(inner, Text))
                if spare or not inside:
                    yield from (media_part(inner) for inner in part.content if isinstance(inner, Media))
            case Text(text=text):
                if text:
                    yield {"text": text}
            case Media():
                yield media_part(part)
            case Native(dialect=dialect, kind=kind, raw=raw):
                if dialect == NAME:
                    yield json.decode(bytes(raw))
                else:
                    body.dropped[kind] = None
            case _:
                raise Fault(Kind.INVALID_FIELD, f"A user's turn cannot hold a {type(part).__name__}.", param="messages")


def _response(body: Body, call: ToolCall, result: ToolResult | None, *, inside: bool) -> dict[str, Any]:
    """`inside`: the model takes pictures and documents in the response itself (from Gemini 3)."""
    response: dict[str, Any] = _NO_RESULT
    parts: list[dict[str, Any]] = []
    if result is not None:
        text = "".join(part.text for part in result.content if isinstance(part, Text))
        response = {"error": text} if result.failed else _object(text)
        parts = [media_part(part) for part in result.content if inside and isinstance(part, Media)]
    inner = {"parts": parts} if parts else {}
    return {"functionResponse": {"name": body.name(call.name), "response": response, **inner}}


def _object(text: str) -> dict[str, Any]:
    """An object as it is, anything else as `output`."""
    try:
        value = json.decode(text)
    except json.JsonError:
        value = None
    return value if isinstance(value, dict) else {"output": text}  # pyright: ignore[reportUnknownVariableType]


def media_part(media: Media) -> dict[str, Any]:
    """Data inline, an address only where Google reads it itself."""
    if media.url:
        return {"fileData": {"fileUri": media.url, **({"mimeType": media.mime} if media.mime else {})}}
    if not media.mime:
        message = f"This upstream needs the type of a {media.kind}, which its data does not show."
        raise Fault(Kind.INVALID_FIELD, message, param="messages", code="unsupported_content")
    return {"inlineData": {"mimeType": media.mime, "data": media.data}}
