"""The tool calls of one choice as they arrive in pieces, however a vendor numbers them."""

from collections.abc import Iterator
from typing import Any

from entrepot.core.ask import Proof
from entrepot.core.events import CallBegin, CallDelta, Event, Proved
from entrepot.dialects.shared.answers import object_of, text_of
from entrepot.kit import json


class Calls:
    """Gives each call one number, in the order in which they begin."""

    __slots__ = ("_argued", "_choice", "_ids", "_places", "_seed")

    def __init__(self, seed: str, choice: int) -> None:
        self._seed = seed
        self._choice = choice
        self._places: dict[int, int] = {}
        """The vendor's index to ours."""
        self._ids: list[str] = []
        self._argued: list[bool] = []

    @property
    def any(self) -> bool:
        """Has a call begun?"""
        return bool(self._ids)

    def take(self, piece: dict[str, Any]) -> Iterator[Event]:
        """One item of `tool_calls`."""
        custom = piece.get("custom")
        function = object_of(custom or piece.get("function"))
        name, number = text_of(function.get("name")), text_of(piece.get("id"))
        place = self._place(piece.get("index"), number, name)
        if place is None and not name and not number:
            return  # an empty item, which some send with every message
        if place is None:
            place = len(self._ids)
            self._ids.append(number or f"call_{self._seed}_{self._choice}_{place}")
            self._argued.append(bool(custom))
            index = piece.get("index")
            self._places[index if isinstance(index, int) else place] = place
            yield CallBegin(place, self._ids[place], name, bool(custom), self._choice)
        arguments = function.get("input") if custom else function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.encode(arguments).decode()
        if arguments:
            self._argued[place] = True
            yield CallDelta(place, arguments, self._choice)
        google = object_of(object_of(piece.get("extra_content")).get("google"))
        if signature := text_of(google.get("thought_signature")):
            yield Proved("call", Proof("gemini", signature), place, self._choice)

    def end(self) -> Iterator[Event]:
        """No more comes: a call without arguments has none, which is `{}`."""
        for place, argued in enumerate(self._argued):
            if not argued:
                self._argued[place] = True
                yield CallDelta(place, "{}", self._choice)

    def _place(self, index: Any, number: str, name: str) -> int | None:
        """Which call a piece belongs to; None for a new one."""
        known = self._places.get(index) if isinstance(index, int) else None
        if known is not None:
            # The same index with another id and a name: a vendor that gives all calls one number.
            return None if number and name and number != self._ids[known] else known
        if isinstance(index, int) or name:
            return None
        return self._ids.index(number) if number in self._ids else len(self._ids) - 1 if self._ids else None
