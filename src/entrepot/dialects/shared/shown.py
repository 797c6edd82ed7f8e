"""Writes the public model name in place of the vendor's, in chunks and whole bodies.

Only the top-level `model` is ours to change. An unescaped `"model"` cannot stand inside a JSON
string, so where it occurs once and the object has a top-level `model`, that is the place and the
rest of the bytes stay; where it occurs more than once the object is taken apart one level deep.
"""

import re

from entrepot.kit import json, sse

_KEY = b'"model"'
_MEMBER = re.compile(rb'"model"(\s*:\s*)"(?:[^"\\]|\\.)*"')


class Shown:
    """A model name to show."""

    __slots__ = ("_known", "_new", "_raw", "_value")

    def __init__(self, name: str) -> None:
        self._value = json.encode(name)
        self._raw = json.raw(name)
        self._known = self._new = b""
        """How the vendor wrote the member last: it does so again in the next chunk."""

    def frame(self, frame: bytes, payload: bytes) -> bytes:
        """A frame with the name replaced in its payload, which has a top-level `model`."""
        changed = self.body(frame)
        if changed is not None:
            return changed
        name = sse.read(frame).name
        event = b"event: " + name + b"\n" if name else b""
        return event + b"data: " + self.rebuilt(payload) + b"\n\n"

    def body(self, data: bytes) -> bytes | None:
        """The bytes with the one name in them replaced, or None where there are several keys called so."""
        if data.count(_KEY) != 1:
            return None
        if self._known and self._known in data:
            return data.replace(self._known, self._new, 1)
        found = _MEMBER.search(data)
        if found is None:
            return None
        self._known = found[0]
        self._new = _KEY + found[1] + self._value
        return data[: found.start()] + self._new + data[found.end() :]

    def rebuilt(self, payload: bytes) -> bytes:
        """An object taken apart one level deep, with the name replaced; values keep their bytes."""
        try:
            members = json.members(payload)
        except json.JsonError:
            return payload
        if "model" in members:
            members["model"] = self._raw
        return json.encode(members)
