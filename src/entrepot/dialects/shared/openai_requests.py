"""Requests in OpenAI's family: its own fields that we read, and what we change."""

import msgspec

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.dialects.shared.bodies import changed, read_count
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_CAPS = ("max_completion_tokens", "max_tokens")
"""The names under which a cap on output goes."""
_INCLUDE_USAGE = Raw(b'{"include_usage":true}')
_TRUE = Raw(b"true")
_NULL = Raw(b"null")


class _Options(msgspec.Struct):
    """The one stream option that we read."""

    include_usage: bool | None = None


_read_options = msgspec.json.Decoder(_Options).decode


def read_most(members: Members) -> int | None:
    """The larger of the caps that are given: vendors differ in which one they obey."""
    most: int | None = None
    for name in _CAPS:
        if name in members and (count := read_count(members, name)) is not None and (most is None or count > most):
            most = count
    return most


def count_prompts(raw: Raw | None) -> int:
    """How many prompts a `prompt` member holds: a string or one list of tokens is one, a list of either is many."""
    if raw is None or bytes(raw)[:1] != b"[":
        return 1
    try:
        value = json.decode(bytes(raw))
    except json.JsonError:
        return 1
    return max(sum(isinstance(part, str | list) for part in value), 1)


def wants_usage(members: Members) -> bool:
    """Did the client ask for usage in the stream?"""
    raw = members.get("stream_options")
    if raw is None:
        return False
    try:
        return bool(_read_options(raw).include_usage)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False


def patch(peek: Peek, changes: Changes) -> bytes:
    """The body with what must change changed; every other value keeps its bytes.

    Always encoded anew: a member that stood twice in the client's body must not reach a vendor
    who may take the other one.
    """
    members = changed(peek, changes)
    if changes.max_output is not None:
        # A vendor may know one of the two and not the other: none of them may say more.
        for name in [name for name in _CAPS if name in members] or [changes.cap_field]:
            members[name] = json.raw(changes.max_output)
    if changes.ask_usage:
        members["stream_options"] = _asking(members.get("stream_options"))
    return json.encode(members)


def _asking(options: Raw | None) -> Raw:
    """Stream options that ask for usage, the client's own ones kept."""
    if options is None or options == _NULL:
        return _INCLUDE_USAGE
    try:
        kept = json.members(bytes(options))
    except json.JsonError:
        return options  # not an object: the vendor says so in its own words
    kept["include_usage"] = _TRUE
    return json.raw(kept)
