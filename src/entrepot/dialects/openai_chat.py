"""OpenAI chat completions: POST /v1/chat/completions, streamed and whole.

Two fields are guarded, because a vendor's key is shared by many tenants: `store` is set to false
where a client sets it (what is stored can be listed with the key), and a message that names a
file by its id is refused (the file may be another tenant's). An `audio` id of an earlier answer
passes: it cannot be listed or guessed, and lives for an hour.
Source: OpenAI's API reference, "Create chat completion".
"""

from typing import Any, cast

import msgspec

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.openai_family import OpenAIFamily
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_TRUE, _FALSE = Raw(b"true"), Raw(b"false")
_QWEN_FILE = "fileid://"
"""qwen-long names uploaded files as the text of a system message."""
_MAX_DEPTH = 200
"""Levels of messages that are not what the reference describes; those that are have five."""


class _Named(msgspec.Struct, gc=False):
    file_id: str | None = None


class _Part(msgspec.Struct, gc=False):
    file: _Named | None = None
    file_id: str | None = None


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Part] | None = None


_read_messages = msgspec.json.Decoder(list[_Message]).decode


class OpenAIChat(OpenAIFamily):
    """Chat completions."""

    name = "openai_chat"
    required = "messages"
    required_array = True
    streams = True

    def guard(self, members: Members) -> tuple[str, ...]:
        """Refuse file ids, and keep `store` off."""
        if (found := _file(members["messages"])) is not None:
            raise Fault(Kind.FOREIGN_OBJECT, f"No such file object: {found}. Send the file's data instead.", param="messages")
        if members.get("store") != _TRUE:
            return ()
        members["store"] = _FALSE
        return ("store",)


def _file(messages: Raw) -> str | None:
    """The first file that a message names by id. Raises Fault(INVALID_JSON | TOO_DEEP)."""
    try:
        read = _read_messages(messages)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _slowly(messages)
    for message in read:
        content = message.content
        if isinstance(content, str):
            if content.startswith(_QWEN_FILE):
                return content.removeprefix(_QWEN_FILE)
        elif content:
            for part in content:
                if found := part.file_id or (part.file.file_id if part.file is not None else None):
                    return found
    return None


def _slowly(messages: Raw) -> str | None:
    """The same for messages whose types surprise: the vendor judges them, but no file id may slip through."""
    try:
        return _walked(json.decode(bytes(messages)))
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None


def _walked(value: Any) -> str | None:
    """A file id anywhere inside. No recursion: what the decoder follows is deeper than Python's stack. Raises TooDeepError."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise json.TooDeepError("JSON is nested too deeply")
        if isinstance(inner, str):
            if inner.startswith(_QWEN_FILE):
                return inner.removeprefix(_QWEN_FILE)
        elif isinstance(inner, dict):
            fields = cast("dict[str, Any]", inner)
            if isinstance(fields.get("file_id"), str):
                return fields["file_id"]
            waiting.extend((field, depth + 1) for field in fields.values())
        elif isinstance(inner, list):
            waiting.extend((item, depth + 1) for item in cast("list[Any]", inner))
    return None
