"""The fields of a stream chunk that tell content, end, usage and error.

`read` is one typed decode, well under a microsecond. What it refuses (a list for content, an
object for arguments, NaN, half of a surrogate pair …) is read by `read_lenient`.
"""

from typing import Any, Final

import msgspec

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.mending import mended
from entrepot.kit import json
from entrepot.kit.json import Raw

ABSENT: Final = Raw()
_EMPTY = (b"", b"null", b"[]", b"{}", b'""', b"false")


class Function(msgspec.Struct, gc=False):
    """A function that is called."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct, gc=False):
    """A tool call, or a piece of one. Its index is of no use: some leave it out, some repeat it."""

    function: Function | None = None


class Delta(msgspec.Struct, gc=False):
    """What a choice gains."""

    content: str | None = None
    reasoning_content: str | None = None
    """deepseek, qwen, zhipu, moonshot."""
    reasoning: str | None = None
    """groq, openrouter, vllm; some send both, with the same text."""
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None
    audio: Raw = ABSENT
    images: Raw = ABSENT
    reasoning_details: Raw = ABSENT


class Choice(msgspec.Struct, gc=False):
    """One choice in one chunk."""

    delta: Delta | None = None
    finish_reason: str | None = None
    index: int | None = None
    text: str | None = None
    """Completions have it in place of a delta."""
    usage: dict[str, Any] | None = None
    """moonshot counts inside the last choice."""


class Groq(msgspec.Struct, gc=False):
    """groq's own member."""

    usage: dict[str, Any] | None = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk of a stream."""

    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    model: str | None = None
    error: Raw = ABSENT
    x_groq: Groq | None = None


read = msgspec.json.Decoder(Chunk).decode


def adds(choice: Choice) -> bool:
    """Does the chunk add anything to this choice that a client could read?"""
    delta = choice.delta
    if delta is None:
        return bool(choice.text)
    said = delta.content or delta.reasoning_content or delta.reasoning or delta.refusal or delta.tool_calls
    return bool(said or delta.function_call or given(delta.audio) or given(delta.images) or given(delta.reasoning_details))


def given(value: Raw) -> bool:
    """Is there more than nothing in it?"""
    return bytes(value) not in _EMPTY


def read_lenient(payload: bytes) -> Chunk:
    """A chunk whose types surprise. Raises Fault(VENDOR_GARBAGE) where it is no JSON object at all."""
    try:
        value = _decode(payload)
    except json.JsonError as error:
        raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None
    if not isinstance(value, dict):
        raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer could not be understood: a chunk is no JSON object.")
    fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    choices = fields.get("choices")
    error = fields.get("error")
    groq = _object(fields.get("x_groq"))
    return Chunk(
        choices=[_choice(item) for item in _objects(choices)] if isinstance(choices, list) else None,
        usage=_object(fields.get("usage")) or None,
        model=fields["model"] if isinstance(fields.get("model"), str) else None,
        error=json.raw(error) if error else ABSENT,
        x_groq=Groq(_object(groq.get("usage")) or None),
    )


def read_choices(raw: bytes) -> list[Choice]:
    """The choices of a whole answer, each message as the one delta; none where they cannot be read."""
    try:
        return [_choice(item) for item in _objects(_decode(raw))]
    except json.JsonError:
        return []


def _choice(fields: dict[str, Any]) -> Choice:
    index, finish = fields.get("index"), fields.get("finish_reason")
    return Choice(
        delta=_delta(_object(fields.get("delta") or fields.get("message"))),
        finish_reason=str(finish) if finish else None,
        index=index if isinstance(index, int) else None,
        text=_text(fields.get("text")),
        usage=_object(fields.get("usage")) or None,
    )


def _delta(fields: dict[str, Any]) -> Delta:
    content = fields.get("content")
    thought = _text(fields.get("reasoning_content"))
    if isinstance(content, list):  # mistral: text and thinking parts
        parts = _objects(content)
        thought = "".join(_text(part.get("thinking")) or "" for part in parts) or thought
        content = "".join(_text(part.get("text")) or "" for part in parts)
    call = _object(fields.get("function_call"))
    calls = fields.get("tool_calls")
    return Delta(
        content=_text(content),
        reasoning_content=thought,
        reasoning=_text(fields.get("reasoning")),
        refusal=_text(fields.get("refusal")),
        tool_calls=[ToolCall(_function(_object(item.get("function")))) for item in _objects(calls)],
        function_call=_function(call) if call else None,
        audio=json.raw(fields.get("audio")),
        images=json.raw(fields.get("images")),
        reasoning_details=json.raw(fields.get("reasoning_details")),
    )


def _function(fields: dict[str, Any]) -> Function:
    arguments = fields.get("arguments")
    if arguments is not None and not isinstance(arguments, str):
        arguments = json.encode(arguments).decode()
    return Function(_text(fields.get("name")), arguments)


def _text(value: Any) -> str | None:
    """A string, or the texts of a list of text parts."""
    if isinstance(value, list):
        return "".join(_text(part.get("text")) or "" for part in _objects(value))  # pyright: ignore[reportUnknownArgumentType]
    return value if isinstance(value, str) else None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]  # pyright: ignore[reportUnknownVariableType]


def _decode(payload: bytes) -> Any:
    """JSON as vendors really write it. Raises JsonError."""
    try:
        return json.decode(payload)
    except json.JsonError:
        return json.decode(mended(payload))
