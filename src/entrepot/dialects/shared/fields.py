"""Reading a request's JSON with names for places: what has the wrong type is refused with where it stands."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from entrepot.core.call import Peek
from entrepot.core.faults import Fault, Kind
from entrepot.kit import json
from entrepot.kit.json import Members, Raw

_DEEPEST = 200
"""Levels of a schema that are followed."""


class Field:
    """A JSON value and its place (`messages[2].content`). Absent and null are no Field at all."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path

    def get(self, *names: str) -> "Field | None":
        """The first of these members that is there and not null. Raises Fault where this is no object."""
        fields = self.object()
        for name in names:
            if (value := fields.get(name)) is not None:
                return Field(value, f"{self.path}.{name}" if self.path else name)
        return None

    def need(self, *names: str) -> "Field":
        """As `get`; raises Fault where there is none."""
        found = self.get(*names)
        if found is None:
            at = f"{self.path}.{names[0]}" if self.path else names[0]
            raise Fault(Kind.INVALID_FIELD, f"Missing: '{at}'.", param=at, code="missing_required_parameter")
        return found

    def object(self) -> dict[str, Any]:
        """As an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return cast("dict[str, Any]", self.value)

    def items(self) -> "Iterator[Field]":
        """Each item of an array; nulls are passed over."""
        if not isinstance(self.value, list):
            raise self.wrong("an array")
        for index, value in enumerate(cast("list[Any]", self.value)):
            if value is not None:
                yield Field(value, f"{self.path}[{index}]")

    def text(self) -> str:
        """As a string."""
        if not isinstance(self.value, str):
            raise self.wrong("a string")
        return self.value

    def integer(self) -> int:
        """As a whole number; a float without a fraction is one."""
        if isinstance(self.value, float) and self.value.is_integer():
            return int(self.value)
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong("an integer")
        return self.value

    def number(self) -> float:
        """As a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("a number")
        return cast("float", self.value)

    def flag(self) -> bool:
        """As true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong("a boolean")
        return self.value

    def raw(self) -> Raw:
        """As its own JSON."""
        return json.raw(self.value)

    def shape(self) -> Raw:
        """An object as its own JSON: a schema, metadata. Raises Fault(TOO_DEEP) where walking it could overflow the stack."""
        level: list[Any] = [self.object()]
        for _ in range(_DEEPEST):
            level = [inner for value in level for inner in _inside(value)]
            if not level:
                return json.raw(self.value)
        raise Fault(Kind.TOO_DEEP)

    def string(self, *names: str) -> str:
        """A member that is a string, "" where it is absent."""
        found = self.get(*names)
        return found.text() if found is not None else ""

    def is_text(self) -> bool:
        """A string?"""
        return isinstance(self.value, str)

    def is_array(self) -> bool:
        """An array?"""
        return isinstance(self.value, list)

    def wrong(self, wanted: str) -> Fault:
        """The Fault of a wrong type or value here."""
        message = f"Invalid type for '{self.path}': {wanted} is wanted."
        return Fault(Kind.INVALID_FIELD, message, param=self.path, code="invalid_type")

    def unsayable(self, what: str) -> Fault:
        """The Fault of content here that cannot be said to this upstream."""
        return Fault(Kind.INVALID_FIELD, f"{what} at '{self.path}'.", param=self.path, code="unsupported_content")


def _inside(value: Any) -> Iterable[Any]:
    """What an array or object holds."""
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("list[Any]", value) if isinstance(value, list) else ()


def read_body(members: Members) -> Field:
    """A whole body, to be walked. Raises Fault(INVALID_JSON | TOO_DEEP)."""
    try:
        return Field({name: json.decode(bytes(value)) for name, value in members.items()}, "")
    except json.TooDeepError:
        raise Fault(Kind.TOO_DEEP) from None
    except json.JsonError as error:
        raise Fault(Kind.INVALID_JSON, f"The request body is not valid JSON: {error}.") from None


def unsaid(peek: Peek, known: frozenset[str]) -> tuple[str, ...]:
    """The members of a body that nobody reads, and that say something."""
    return tuple(sorted(name for name, value in peek.members.items() if name not in known and bytes(value) != b"null"))
