"""Rate limits as resources say them: the same three fields of keys, users, groups and models (docs/decisions/0007)."""

from collections.abc import Mapping
from typing import Any, Final

from entrepot.control.fields import Limit, Spec, UnlessUnlimited
from entrepot.kit import json

NAMES: Final = ("rpm", "tpm", "concurrency")


class Rates(Spec):
    """What may go through. What is left out stays; null, or `"unlimited"` in a file that has no null, lifts a limit."""

    rpm: UnlessUnlimited[Limit] = None
    """Calls a minute."""
    tpm: UnlessUnlimited[Limit] = None
    """Tokens a minute, prompt and output together."""
    concurrency: UnlessUnlimited[Limit] = None
    """Calls at once."""


def column(values: dict[str, Any], before: str = "{}") -> dict[str, Any]:
    """`values` with the three fields packed into the column `limits`, which held `before`."""
    said = {name: values[name] for name in NAMES if name in values}
    if not said:
        return dict(values)
    rest = {name: value for name, value in values.items() if name not in said}
    held = {name: limit for name, limit in {**shown(before), **said}.items() if limit is not None}
    return {**rest, "limits": json.encode(held).decode()}


def shown(text: str) -> dict[str, Any]:
    """The three fields as the column `limits` holds them."""
    held: Mapping[str, int] = json.decode(text)
    return {name: held.get(name) for name in NAMES}
