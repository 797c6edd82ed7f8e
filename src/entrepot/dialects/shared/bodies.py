"""Request bodies of any dialect: a body's members, and the few fields that all have.

Fields are read leniently where only an estimate rests on them, and strictly where a price, a
permission or the shape of the answer does. The faults say what OpenAI says, so that a client's
own handling of them keeps working; the words do for others too.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_MAX_MODEL_NAME = 256
"""Characters. Names go into usage rows, logs and memos; no vendor has one of that length."""
_MAX_COUNT_DIGITS = 9
_TRUE, _FALSE, _NULL = Raw(b"true"), Raw(b"false"), Raw(b"null")
_BRACKET = ord("[")
_KINDS: Mapping[int, str] = {
    ord('"'): "a string",
    ord("{"): "an object",
    ord("["): "an array",
    ord("t"): "a boolean",
    ord("f"): "a boolean",
    ord("n"): "null",
}

_read_text = msgspec.json.Decoder(str).decode


def read_members(body: bytes) -> Members:
    """The members of a request body. Raises Fault(INVALID_JSON | TOO_DEEP)."""
    try:
        return json.members(body)
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, _why(body, str(error))) from None


def _why(body: bytes, error: str) -> str:
    text = body.lstrip()
    if not text:
        return "The request body is empty; it must be a JSON object."
    if text[:1] != b"{":
        kind = _KINDS.get(text[0])
        return f"The request body must be a JSON object, but it is {kind}." if kind else "The request body is not valid JSON."
    if b"\\ud" in body.lower():
        # msgspec calls it truncated; the usual reason is a client that cut a string inside an emoji.
        return f"The request body is not valid JSON: {error}. It may hold half of a surrogate pair (\\ud8xx)."
    return f"The request body is not valid JSON: {error}."


def _kind_of(raw: Raw) -> str:
    """A value's JSON type with its article, as OpenAI words it."""
    return _KINDS.get(memoryview(raw)[0], "a number")


def wrong_type(name: str, expected: str, raw: Raw) -> Fault:
    """The fault of a field with the wrong type."""
    message = f"Invalid type for '{name}': expected {expected}, but got {_kind_of(raw)} instead."
    return Fault(Kind.INVALID_FIELD, message, param=name)


def read_model(members: Members, default: str | None = None) -> str:
    """The model's name. Raises Fault(MISSING_MODEL | INVALID_FIELD)."""
    raw = members.get("model")
    if raw is None or raw == _NULL:
        if default is None:
            raise Fault(Kind.MISSING_MODEL, "you must provide a model parameter", param="model")
        members["model"] = json.raw(default)
        return default
    try:
        name = _read_text(raw)
    except msgspec.MsgspecError:
        raise wrong_type("model", "a string", raw) from None
    except UnicodeDecodeError:
        raise Fault(Kind.INVALID_FIELD, "The name of the model is not valid UTF-8.", param="model") from None
    if not name:
        raise Fault(Kind.MISSING_MODEL, "you must provide a model parameter", param="model")
    if len(name) > _MAX_MODEL_NAME:
        message = f"The name of the model has {len(name)} characters; at most {_MAX_MODEL_NAME} are allowed."
        raise Fault(Kind.INVALID_FIELD, message, param="model", code="string_above_max_length")
    return name


def read_flag(members: Members, name: str) -> bool:
    """A boolean that may be absent or null. Raises Fault(INVALID_FIELD)."""
    raw = members.get(name)
    if raw is None or raw in (_FALSE, _NULL):
        return False
    if raw == _TRUE:
        return True
    raise wrong_type(name, "a boolean", raw)


def need(members: Members, name: str, *, array: bool) -> None:
    """Insist on a member (an array, where so). Raises Fault(INVALID_FIELD)."""
    raw = members.get(name)
    if raw is None:
        raise Fault(Kind.INVALID_FIELD, f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
    if array and memoryview(raw)[0] != _BRACKET:
        raise wrong_type(name, "an array of objects", raw)


def read_count(members: Members, *names: str) -> int | None:
    """The first of these members that is a whole number; anything else is the vendor's to judge."""
    for name in names:
        raw = members.get(name)
        if raw is not None and (digits := bytes(raw)).isdigit() and len(digits) <= _MAX_COUNT_DIGITS:
            return int(digits)
    return None


def decoded(raw: Raw) -> Any:
    """A member's value. Raises Fault(INVALID_JSON | TOO_DEEP)."""
    try:
        return json.decode(bytes(raw))
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None


def read_names(members: Members, name: str) -> list[str]:
    """The strings of an array; anything else is the vendor's to judge."""
    raw = members.get(name)
    if raw is None:
        return []
    try:
        found = json.decode(bytes(raw))
    except json.JsonError:
        return []
    return [item for item in cast("list[Any]", found) if isinstance(item, str)] if isinstance(found, list) else []


def changed(peek: Peek, changes: Changes) -> Members:
    """A copy of the members with what every dialect changes alike: fields that are dropped or set, and the model."""
    members = {**peek.members}
    for name in changes.drop:
        members.pop(name, None)
    if changes.set:
        members.update(changes.set)
    if changes.model is not None:
        members["model"] = json.raw(changes.model)
    return members
