"""OpenAI chat completions: POST /v1/chat/completions, streamed and whole.

Two fields are guarded, because a vendor's key is shared by many tenants: `store` is set to false
where a client sets it (what is stored can be listed with the key), and a message that names a
file by its id is refused (the file may be another tenant's). An `audio` id of an earlier answer
passes: it cannot be listed or guessed, and lives for an hour.
Source: OpenAI's API reference, "Create chat completion".
"""

from typing import Any

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.openai_family import OpenAIFamily
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_TRUE, _FALSE = Raw(b"true"), Raw(b"false")
# `"file_id"` without a backslash before its second quote can only be a key or a whole string. Letters
# written as \u006x, and `_` as \u005f, could hide it: then we look inside too.
_MARKS = (b'"file_id"', b"\\u006", b"\\u005")


class OpenAIChat(OpenAIFamily):
    """Chat completions."""

    name = "openai_chat"
    required = "messages"
    required_array = True
    streams = True

    def guard(self, members: Members) -> tuple[str, ...]:
        """Refuse file ids, and keep `store` off."""
        messages = bytes(members["messages"])
        if any(mark in messages for mark in _MARKS):
            _refuse_files(messages)
        if members.get("store") != _TRUE:
            return ()
        members["store"] = _FALSE
        return ("store",)


def _refuse_files(messages: bytes) -> None:
    try:
        found = _file_id(json.decode(messages))
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None
    if found is not None:
        raise Fault(Kind.FOREIGN_OBJECT, f"No such file object: {found}. Send the file's data instead.", param="messages")


def _file_id(value: Any) -> str | None:
    """The first file id in content parts."""
    if isinstance(value, dict):
        fields: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        if isinstance(fields.get("file_id"), str):
            return fields["file_id"]
        value = list(fields.values())
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return next((found for item in items if (found := _file_id(item)) is not None), None)
    return None
