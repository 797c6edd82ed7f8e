"""Arguments of a call that come one JSON path at a time (`streamFunctionCallArguments` of Vertex AI).

Source: cloud.google.com/vertex-ai docs, "Function calling", streaming arguments; recordings.
"""

import re
from typing import Any, cast

from entrepot.dialects.shared.answers import text_of

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")
_MOST_DIGITS = 9
_MOST_ITEMS = 10_000
"""An index beyond it is no argument but an attack on memory."""


class Arguments:
    """Builds one object."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}

    def add(self, piece: dict[str, Any]) -> None:
        """One item of `partialArgs`: strings grow, all other values come whole."""
        steps = [
            name or quoted or int(index[:_MOST_DIGITS]) for name, index, quoted in _STEP.findall(text_of(piece.get("jsonPath")))
        ]
        if not steps or any(isinstance(step, int) and step > _MOST_ITEMS for step in steps):
            return
        if "stringValue" in piece:
            self._put(steps, text_of(piece["stringValue"]), grows=True)
        elif "numberValue" in piece or "boolValue" in piece:
            self._put(steps, piece.get("numberValue", piece.get("boolValue")), grows=False)
        elif "nullValue" in piece:
            self._put(steps, None, grows=False)

    def _put(self, steps: list[str | int], value: Any, *, grows: bool) -> None:
        holder: Any = self.value
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if following is None:
                known = _get(holder, step)
                _set(holder, step, known + value if grows and isinstance(known, str) else value)
                return
            if not isinstance(_get(holder, step), dict | list):
                _set(holder, step, [] if isinstance(following, int) else {})
            holder = _get(holder, step)


def _get(holder: Any, step: str | int) -> Any:
    if isinstance(holder, list):
        items = cast("list[Any]", holder)
        return items[step] if isinstance(step, int) and step < len(items) else None
    return holder.get(str(step))


def _set(holder: Any, step: str | int, value: Any) -> None:
    if isinstance(holder, list) and isinstance(step, int):
        items = cast("list[Any]", holder)
        items.extend([None] * (step + 1 - len(items)))
        items[step] = value
    elif isinstance(holder, dict):
        holder[str(step)] = value
