"""Undoes, on a vendor's answer, what the request had to pretend.

Tools with other names, a JSON answer by a forced call, tools of free text as functions (core/conversion.py, Written).
"""

from collections.abc import Iterable, Iterator

import msgspec

from entrepot.core.conversion import Written
from entrepot.core.events import CallBegin, CallDelta, Delta, Event, Finish
from entrepot.kit import json


class Emulation:
    """One answer's events on their way."""

    __slots__ = ("_answers", "_free", "_others", "_written")

    def __init__(self, written: Written) -> None:
        self._written = written
        self._answers: set[tuple[int, int]] = set()
        """Choice and index of calls that are the answer itself."""
        self._free: dict[tuple[int, int], list[str]] = {}
        """Arguments of calls of free text, which are JSON until they are whole."""
        self._others: set[int] = set()
        """Choices that have other calls."""

    @staticmethod
    def needed(written: Written) -> bool:
        """Is there anything to undo?"""
        return bool(written.renamed or written.answer_tool or written.custom)

    def undo(self, events: Iterable[Event]) -> Iterator[Event]:
        """The events as the client may see them."""
        for event in events:
            match event:
                case CallBegin():
                    yield from self._begin(event)
                case CallDelta():
                    yield from self._more(event)
                case Finish(choice=choice, reason=reason):
                    yield from self._whole(choice)
                    only_answer = reason == "tool_calls" and choice not in self._others
                    yield msgspec.structs.replace(event, reason="stop") if only_answer else event
                case _:
                    yield event

    def _begin(self, event: CallBegin) -> Iterator[Event]:
        yield from self._whole(event.choice)
        place, written = (event.choice, event.index), self._written
        if written.answer_tool and event.name == written.answer_tool:
            self._answers.add(place)
            return
        self._others.add(event.choice)
        name = written.renamed.get(event.name, event.name)
        free = name in written.custom
        if free:
            self._free[place] = []
        yield msgspec.structs.replace(event, name=name, custom=free or event.custom)

    def _more(self, event: CallDelta) -> Iterator[Event]:
        place = (event.choice, event.index)
        if place in self._answers:
            yield Delta("text", event.text, event.choice)
        elif place in self._free:
            self._free[place].append(event.text)
        else:
            yield event

    def _whole(self, choice: int) -> Iterator[Event]:
        """Calls of free text that are complete now."""
        for place in [place for place in self._free if place[0] == choice]:
            text = "".join(self._free.pop(place))
            yield CallDelta(place[1], _input(text), choice)


def _input(arguments: str) -> str:
    """The one string inside; arguments in another shape go as they are."""
    try:
        value = json.decode(arguments)
    except json.JsonError:
        return arguments
    given = value.get("input") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return given if isinstance(given, str) else arguments
