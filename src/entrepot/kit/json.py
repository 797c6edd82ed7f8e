"""JSON at the speed of msgspec, with errors that a caller can name.

`members` decodes one level deep: each value keeps its own bytes, so what we do not
understand survives unchanged, and duplicate keys collapse to the last one (they would
otherwise let a body say one thing to us and another to the vendor).
"""

from typing import Any, TypeAlias

import msgspec

Members: TypeAlias = dict[str, msgspec.Raw]
Raw = msgspec.Raw

_any_decoder = msgspec.json.Decoder()
_members_decoder = msgspec.json.Decoder(Members)
_encoder = msgspec.json.Encoder()


class JsonError(ValueError):
    """The bytes are not JSON, or not the kind of JSON that was asked for."""


class TooDeepError(JsonError):
    """Nested deeper than the decoder is willing to follow (several hundred levels)."""


def decode(data: bytes | str) -> Any:
    """Any JSON value as plain Python objects. Raises JsonError."""
    try:
        return _any_decoder.decode(data)
    except RecursionError:
        raise TooDeepError("JSON is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise JsonError(str(error)) from None


def members(data: bytes) -> Members:
    """The members of a JSON object, each value as its own bytes. Raises JsonError."""
    try:
        return _members_decoder.decode(data)
    except RecursionError:
        raise TooDeepError("JSON is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise JsonError(str(error)) from None


def is_object(data: bytes | str) -> bool:
    """Is this the whole JSON of an object?"""
    try:
        return isinstance(decode(data), dict)
    except JsonError:
        return False


def encode(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    return _encoder.encode(value)


def raw(value: Any) -> msgspec.Raw:
    """A value encoded once, to be set among `Members`."""
    return msgspec.Raw(_encoder.encode(value))
