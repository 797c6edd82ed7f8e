"""The messages of a chat completions request as turns."""

from collections.abc import Iterator
from typing import get_args

from entrepot.core.ask import Cache, Media, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.dialects.openai_chat_conversion import proofs
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.fields import Field
from entrepot.kit import json

_SYSTEM = ("system", "developer")


def read_messages(messages: Field) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    """What the system says first, and the turns. Raises Fault(INVALID_FIELD)."""
    system: list[Text] = []
    spoken: list[Turn] = []
    calls: list[str] = []
    """Ids of legacy function calls, whose results name only the function."""
    for message in messages.items():
        role = message.need("role").text()
        if role in _SYSTEM and not spoken:
            system.extend(read_text(message))
        elif role in _SYSTEM:
            spoken.append(Turn("system", tuple(read_text(message))))
        elif role == "assistant":
            spoken.append(Turn("assistant", tuple(_assistant(message, calls))))
        elif role in ("tool", "function"):
            spoken.append(Turn("user", (_result(message, calls),)))
        elif role == "user":
            spoken.append(Turn("user", tuple(_parts(message))))
        else:
            raise message.need("role").wrong("system, developer, user, assistant or tool")
    return tuple(system), turns.merged(spoken)


def read_text(message: Field) -> Iterator[Text]:
    """Content that can only be words."""
    for part in _parts(message):
        if not isinstance(part, Text):
            raise message.unsayable(f"A {message.string('role')} message can only hold text")
        yield part


def _parts(message: Field) -> Iterator[Text | Media | Refusal | Thinking]:
    content = message.get("content")
    if content is None:
        return
    if content.is_text():
        if text := content.text():
            yield Text(text, cache=_cache(message))
        return
    for part in content.items():
        found = _part(part)
        if not isinstance(found, Text) or found.text:  # empty words say nothing, and some formats refuse them
            yield found


def _part(part: Field) -> Text | Media | Refusal | Thinking:
    if part.is_text():
        return Text(part.text())
    kind = part.need("type").text()
    if kind in ("text", "input_text", "output_text"):
        return Text(part.need("text").text(), cache=_cache(part))
    if kind == "refusal":
        return Refusal(part.need("refusal").text())
    if kind == "thinking":  # mistral
        thought = part.need("thinking")
        return Thinking(thought.text() if thought.is_text() else "".join(inner.string("text") for inner in thought.items()))
    try:
        return _media(part, kind)
    except media.BadDataError as error:
        raise part.unsayable(f"The data cannot be read ({error})") from None


def _media(part: Field, kind: str) -> Media:
    """Raises media.BadDataError."""
    if kind in ("image_url", "video_url", "audio_url", "document_url"):
        inner = part.need(kind)
        address = inner if inner.is_text() else inner.need("url")
        detail = "" if inner.is_text() else inner.string("detail")
        family = kind.removesuffix("_url")
        return media.from_url(address.text(), family, detail=detail)  # pyright: ignore[reportArgumentType]
    if kind == "input_audio":
        audio = part.need("input_audio")
        return media.from_data(audio.need("data").text(), "audio", mime=f"audio/{audio.string('format') or 'wav'}")
    if kind == "file":
        file = part.need("file")
        data, name = file.need("file_data").text(), file.string("filename")
        if data.startswith(("data:", "https:", "http:")):
            return media.from_url(data, "document", name=name)
        return media.from_data(data, "document", name=name)
    raise part.unsayable(f"The content part '{kind}' cannot be said to this upstream")


def _cache(field: Field) -> Cache:
    """`cache_control` as relays of Anthropic's models know it (OpenRouter, LiteLLM)."""
    mark = field.get("cache_control")
    if mark is None:
        return ""
    ttl = mark.string("ttl") or "5m"
    return ttl if ttl in get_args(Cache) else "5m"  # pyright: ignore[reportReturnType]


def _assistant(message: Field, calls: list[str]) -> Iterator[Part]:
    yield from _thinking(message)
    yield from _parts(message)
    if refusal := message.string("refusal"):
        yield Refusal(refusal)
    if (listed := message.get("tool_calls")) is not None:
        for call in listed.items():
            yield _call(call)
    if (legacy := message.get("function_call")) is not None:
        calls.append(f"call_legacy_{len(calls)}")
        yield ToolCall(calls[-1], legacy.need("name").text(), _arguments(legacy))


def _thinking(message: Field) -> Iterator[Thinking]:
    details = message.get("reasoning_details")
    if details is not None:
        yield from proofs.thoughts(details)
    elif text := message.string("reasoning_content", "reasoning"):
        yield Thinking(text)


def _call(call: Field) -> ToolCall:
    number = call.string("id")
    if (custom := call.get("custom")) is not None:
        return ToolCall(number, custom.need("name").text(), custom.string("input"), custom=True)
    function = call.need("function")
    return ToolCall(number, function.need("name").text(), _arguments(function), proof=proofs.call_proof(call))


def _arguments(function: Field) -> str:
    """JSON text of an object. Raises Fault(INVALID_FIELD) where it is none: the target could not be told."""
    given = function.get("arguments")
    if given is None:
        return "{}"
    if not given.is_text():
        return bytes(json.encode(given.object())).decode()
    text = given.text().strip() or "{}"
    try:
        value = json.decode(text)
    except json.JsonError as error:
        raise given.unsayable(f"The arguments of the call are not JSON ({error})") from None
    if not isinstance(value, dict):
        raise given.unsayable("The arguments of the call are not a JSON object")
    return text


def _result(message: Field, calls: list[str]) -> ToolResult:
    parts = list(_parts(message))
    for part in parts:
        if isinstance(part, Refusal):
            raise message.unsayable("A tool's result can only hold text and media")
    content = tuple(part for part in parts if isinstance(part, Text | Media))
    name = message.string("name")
    if message.need("role").text() == "function":
        return ToolResult(calls[-1] if calls else "call_legacy_0", name, content)
    return ToolResult(message.need("tool_call_id").text(), name, content, cache=_cache(message))
