"""The content blocks of a Messages request as parts of turns."""

from collections.abc import Iterator
from typing import Final, get_args

from entrepot.core.ask import Cache, Citation, Media, MediaKind, Native, Part, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.dialects.shared import media, turns
from entrepot.dialects.shared.fields import Field
from entrepot.kit import json

NAME: Final = "anthropic"
REDACTED: Final = "redacted:"
"""Marks, in a Proof of ours, thinking that Anthropic itself hides."""


def cache_of(field: Field) -> Cache:
    """The mark of a block or tool."""
    mark = field.get("cache_control")
    if mark is None:
        return ""
    ttl = mark.string("ttl") or "5m"
    return ttl if ttl in get_args(Cache) else "5m"  # pyright: ignore[reportReturnType]


def read_system(system: Field) -> tuple[Text, ...]:
    """A string, or text blocks."""
    if system.is_text():
        return (Text(system.text()),) if system.text() else ()
    return tuple(Text(block.need("text").text(), cache_of(block)) for block in system.items())


def read_turns(messages: Field) -> tuple[Turn, ...]:
    """All messages. Raises Fault(INVALID_FIELD)."""
    spoken: list[Turn] = []
    for message in messages.items():
        role = message.need("role").text()
        if role not in ("user", "assistant", "system"):
            raise message.need("role").wrong("user or assistant")
        spoken.append(Turn(role, tuple(_parts(message.need("content")))))  # pyright: ignore[reportArgumentType]
    return turns.merged(spoken)


def _parts(content: Field) -> Iterator[Part]:
    if content.is_text():
        if text := content.text():
            yield Text(text)
        return
    for block in content.items():
        yield _part(block)


def _part(block: Field) -> Part:
    kind = block.need("type").text()
    match kind:
        case "text":
            return Text(block.need("text").text(), cache_of(block), citations=tuple(_citations(block)))
        case "image" | "document":
            return _media(block, kind)
        case "tool_use":
            arguments = block.get("input")
            said = bytes(json.encode(arguments.object())).decode() if arguments is not None else "{}"
            return ToolCall(block.need("id").text(), block.need("name").text(), said, cache=cache_of(block))
        case "tool_result":
            return _result(block)
        case "thinking":
            signature = block.string("signature")
            return Thinking(block.string("thinking"), Proof(NAME, signature) if signature else None)
        case "redacted_thinking":
            return Thinking("", Proof(NAME, REDACTED + block.need("data").text()))
        case _:
            return Native(NAME, kind, block.raw())


def _citations(block: Field) -> Iterator[Citation]:
    found = block.get("citations")
    for item in found.items() if found is not None else ():
        yield Citation(item.string("url"), item.string("title", "document_title"), item.string("cited_text"))


def _result(block: Field) -> ToolResult:
    content, failed = block.get("content"), block.get("is_error")
    said: list[Text | Media] = []
    for part in _parts(content) if content is not None else ():
        if isinstance(part, Text | Media):
            said.append(part)
        elif isinstance(part, Native):
            said.append(Text(bytes(part.raw).decode()))  # search results, tool references: read as JSON they lose nothing
        else:
            raise block.unsayable("A tool's result can only hold text, pictures and documents")
    return ToolResult(
        block.need("tool_use_id").text(),
        content=tuple(said),
        failed=failed.flag() if failed is not None else False,
        cache=cache_of(block),
    )


def _media(block: Field, kind: MediaKind) -> Media:
    source = block.need("source")
    form, name, cache = source.need("type").text(), block.string("title"), cache_of(block)
    try:
        if form == "url":
            mime = "application/pdf" if kind == "document" else ""
            return Media(kind, mime=mime, url=source.need("url").text(), name=name, cache=cache)
        if form == "base64":
            made = media.from_data(source.need("data").text(), kind, mime=source.string("media_type"), name=name)
        elif form == "text":
            made = media.from_text(source.need("data").text(), mime=source.string("media_type") or "text/plain", name=name)
        elif form == "content":
            inner = source.need("content")
            words = inner.text() if inner.is_text() else "\n".join(part.string("text") for part in inner.items())
            made = media.from_text(words, mime="text/plain", name=name)
        else:
            raise source.unsayable(f"A source of type '{form}' cannot be said to this upstream")
    except media.BadDataError as error:
        raise source.unsayable(f"The data cannot be read ({error})") from None
    return Media(kind, mime=made.mime, data=made.data, name=name, cache=cache)
