"""Values as people type them: `a,b`, `name=value`, `Header: value`."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from entrepot.kit import json


def given(**fields: Any) -> dict[str, Any]:
    """The options that were set."""
    return {name: value for name, value in fields.items() if value is not None}


def split(values: Sequence[str] | None) -> list[str] | None:
    """Repeated options and commas alike: one list, or None where the option was not given."""
    if not values:
        return None
    return [part.strip() for value in values for part in value.split(",") if part.strip()]


def pairs(values: Sequence[str] | None, option: str, separator: str = "=") -> dict[str, str] | None:
    """`name=value` options as a map. Ends the command with a usage error where the separator is missing."""
    if not values:
        return None
    found: dict[str, str] = {}
    for value in values:
        name, mark, rest = value.partition(separator)
        if not mark or not name.strip():
            raise typer.BadParameter(f"{value!r} is not NAME{separator}VALUE", param_hint=option)
        found[name.strip()] = rest.strip()
    return found


def documents(values: Sequence[str] | None, option: str) -> dict[str, Any] | None:
    """`name=JSON` options as a map; what is not JSON is taken as a string."""
    named = pairs(values, option)
    return None if named is None else {name: _document(text) for name, text in named.items()}


def numbers(values: Sequence[str] | None, option: str) -> dict[str, float] | None:
    """`name=number` options as a map. Ends the command with a usage error where it is no number."""
    named = pairs(values, option)
    if named is None:
        return None
    try:
        return {name: float(text) for name, text in named.items()}
    except ValueError:
        raise typer.BadParameter("the value is a number of seconds", param_hint=option) from None


def lifted(names: Sequence[str] | None, empty: Mapping[str, Any]) -> dict[str, Any]:
    """`--lift rpm` options as fields set to what means no limit."""
    for name in names or ():
        if name not in empty:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(empty)}", param_hint="--lift")
    return {name: empty[name] for name in names or ()}


def _document(text: str) -> Any:
    try:
        return json.decode(text)
    except json.JsonError:
        return text
