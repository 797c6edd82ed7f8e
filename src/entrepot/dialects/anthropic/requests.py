"""Requests in Anthropic's format: doors to other tenants' objects, promises that we cannot price, and what we change.

A vendor's key is shared by many tenants, so a request may not name an object of the vendor's: a file, a container, a
custom skill, a thread. A file that a code execution wrote earlier may be named in the history: nothing is read from there.
Source: platform.claude.com/docs, "Create a Message"; the parameter types of anthropic-sdk-python 2.11.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

from entrepot.core.call import Peek
from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.events import CALLS
from entrepot.dialects.shared.bodies import changed, read_count
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_MAX_DEPTH = 200
_STANDARD = (b"null", b'"standard"')
_ANYWHERE = (b"null", b'"global"')
_LEAST_BUDGET = 1024

_PREAMBLE, _OWN_TOOL, _WEB_TOOL = 480, 1500, 8000
"""Tokens: about the medians over recordings of Anthropic's models."""
_DATED = re.compile(rb'_20\d{6}"')
"""The end of a type of Anthropic's own tools (`web_search_20250305`)."""
_FEW_TOOLS = 16 * 1024
"""Bytes of tools that are looked through; agents with long lists of tools have their own."""


def guard(members: Members) -> tuple[str, ...]:
    """Refuse what names another tenant's objects or sells what has no price here; take out the fast lane, and name it.

    Raises Fault(FOREIGN_OBJECT | INVALID_FIELD | INVALID_JSON | TOO_DEEP).
    """
    for name in ("messages", "system"):
        if (raw := members.get(name)) is not None and _may_name_files(raw):
            for file in _files(_decoded(raw)):
                raise _foreign("file", file, name)
    if "container" in members:
        _guard_container(_decoded(members["container"]))
    if "thread" in members:
        thread = _decoded(members["thread"])
        if isinstance(thread, dict) and (message := _fields(thread).get("previous_message_id")) is not None:
            raise _foreign("thread", message, "thread")
    geo = members.get("inference_geo")
    if geo is not None and bytes(geo) not in _ANYWHERE:
        raise Fault(Kind.INVALID_FIELD, "inference_geo: a region of inference cannot be asked for here.", param="inference_geo")
    if "fallbacks" in members and b'"fast"' in bytes(members["fallbacks"]):
        raise Fault(Kind.INVALID_FIELD, "fallbacks: no fallback can be asked for fast mode here.", param="fallbacks")
    return _without_speed(members)


def added(members: Members) -> int:
    """What comes to the prompt with tools, about: a preamble, the vendor's own tools, and what one search brings."""
    raw = members.get("tools")
    if raw is None or len(raw) < len(b"[{}]"):
        return 0
    tokens = _PREAMBLE
    if len(raw) <= _FEW_TOOLS:
        tools = bytes(raw)
        for dated in _DATED.finditer(tools):
            named = tools.rfind(b'"', 0, dated.start()) + 1
            tokens += _WEB_TOOL if tools.startswith(b"web_", named) else _OWN_TOOL
    return tokens


def others(members: Members) -> list[str]:
    """The models of advisors and fallbacks."""
    found: list[str] = []
    for name in ("tools", "fallbacks"):
        items: Any = _decoded(members[name]) if name in members else None
        for item in cast("list[Any]", items) if isinstance(items, list) else ():
            model = _fields(item).get("model")
            found += [model] if isinstance(model, str) else []
    return found


def patch(peek: Peek, changes: Changes) -> bytes:
    """The body with what must change changed; every other value keeps its bytes. Always encoded anew (see openai_requests)."""
    members = changed(peek, changes)
    if changes.max_output is not None:
        members["max_tokens"] = json.raw(changes.max_output)
        _fit_budget(members, changes.max_output)
    return json.encode(members)


def _without_speed(members: Members) -> tuple[str, ...]:
    """Fast mode costs a multiple of what the price book knows; at standard speed the answer is the same."""
    speed = members.get("speed")
    if speed is None or bytes(speed) in _STANDARD:
        return ()
    del members["speed"]
    return ("speed",)


def _fit_budget(members: Members, cap: int) -> None:
    """Thinking must have a budget below the cap. Raises Fault(INSUFFICIENT_QUOTA) where the cap leaves no room for any."""
    if "thinking" not in members:
        return
    try:
        thinking = json.members(bytes(members["thinking"]))
    except json.JsonError:
        return
    budget = read_count(thinking, "budget_tokens")
    if budget is not None and budget >= cap:
        if cap <= _LEAST_BUDGET:
            message = f"The balance pays for {cap} tokens of an answer, too few to think in. Top up, or ask without thinking."
            raise Fault(Kind.INSUFFICIENT_QUOTA, message, param="thinking")
        thinking["budget_tokens"] = json.raw(cap - 1)
        members["thinking"] = json.raw(thinking)


def _foreign(what: str, name: Any, param: str) -> Fault:
    return Fault(
        Kind.FOREIGN_OBJECT, f"{param}: no such {what} object: {str(name)[:200]}. Send what it holds instead.", param=param
    )


def _guard_container(container: Any) -> None:
    """A container by its id, or one with skills that somebody uploaded. Raises Fault(FOREIGN_OBJECT)."""
    if container is None:
        return
    fields = _fields(container)
    if not fields or fields.get("id") is not None:
        raise _foreign("container", fields.get("id", container), "container")
    skills: Any = fields.get("skills")
    for skill in cast("list[Any]", skills) if isinstance(skills, list) else ():
        if _fields(skill).get("type") != "anthropic":
            raise _foreign("skill", _fields(skill).get("skill_id"), "container")


def _may_name_files(raw: Raw) -> bool:
    """Could a key in it be `file_id`? A key may be written with escapes, which are rare in the range of ASCII."""
    data = bytes(raw)
    return b'file_id"' in data or b"\\u00" in data


def _files(value: Any) -> Iterator[str]:
    """The ids of files anywhere inside. No recursion: decoders follow deeper than Python's stack. Raises Fault(TOO_DEEP)."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise Fault(Kind.TOO_DEEP)
        if isinstance(inner, list):
            waiting.extend((item, depth + 1) for item in cast("list[Any]", inner))
        elif isinstance(inner, dict):
            fields = _fields(inner)
            kind = fields.get("type")
            if isinstance(kind, str) and kind.endswith("_output"):
                continue  # written by an earlier code execution
            if isinstance(fields.get("file_id"), str):
                yield fields["file_id"]
            # A tool's own arguments may have a field of that name.
            waiting.extend((item, depth + 1) for name, item in fields.items() if name != "input" or kind not in CALLS)


def _decoded(raw: Raw) -> Any:
    try:
        return json.decode(bytes(raw))
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None


def _fields(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
