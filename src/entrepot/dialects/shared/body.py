"""A vendor's request under way: its fields, what was dropped, and the tools whose names had to change."""

import re
from typing import Any

from entrepot.core.ask import Ask
from entrepot.core.conversion import Target

_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST = 64


class Body:
    """One request. `dropped` are names in order, each once; `renamed` has the vendor's name of a tool to the client's."""

    __slots__ = ("_names", "ask", "dropped", "fields", "renamed", "target")

    def __init__(self, ask: Ask, target: Target) -> None:
        self.ask = ask
        self.target = target
        self.fields: dict[str, Any] = {}
        self.dropped: dict[str, None] = {}
        self.renamed: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def put(self, name: str, value: Any, *, refused: bool = False) -> None:
        """Set a field that the client gave; where the target refuses it, name it."""
        if value is None or value in ("", ()):
            return
        if refused:
            self.dropped[name] = None
        else:
            self.fields[name] = value

    def name(self, tool: str) -> str:
        """A tool's name as the vendor takes it."""
        known = self._names.get(tool)
        if known is None:
            known = self._free(safe_name(tool))
            self._names[tool] = known
            if known != tool:
                self.renamed[known] = tool
        return known

    def _free(self, safe: str) -> str:
        """A name that no other tool has become."""
        taken, number = set(self._names.values()), 2
        found = safe
        while found in taken:
            found = f"{safe[: _LONGEST - 4]}_{number}"
            number += 1
        return found


def safe_name(name: str) -> str:
    """A name of letters, digits, `_` and `-`, at most 64 of them: what every vendor takes."""
    return _NOT_IN_NAME.sub("_", name)[:_LONGEST] or "tool"
