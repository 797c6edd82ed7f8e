"""Prices as the operator wrote them: rows by model name or pattern, and a version that names exactly this set."""

import hashlib
import logging
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from entrepot.core.usage import TOKEN_KINDS
from entrepot.kit.breath import in_breaths
from entrepot.store.contract import Row, Statement

_log = logging.getLogger("entrepot.snapshot")

TOKENS: Final = tuple(kind for kind in TOKEN_KINDS if kind != "searches")
"""Kinds that are priced per 1 M tokens."""
UNITS: Final = ("call", "image", "second", "character", "search")
"""Kinds that are priced per unit."""

READ_PRICES: Final = Statement(
    "SELECT m.name, p.kind, p.nano, p.conditions, p.valid_from FROM prices p "
    "JOIN models m ON m.id = p.model_id ORDER BY p.valid_from, p.id"
)


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """When a price holds; all that are named must be met."""

    prompt_over: int = 0
    """The whole prompt, cached parts included, has more tokens than this: then the price is that of all its tokens."""
    size: str = ""
    """Of a picture or film, as the client names it: `1024x1024`, `720p`. For units only."""
    quality: str = ""
    """As the client names it: `high`. For units only."""


ALWAYS: Final = Conditions()


class PriceRow(msgspec.Struct, frozen=True, gc=False):
    """One price of one kind."""

    kind: str
    nano: int
    """nano-USD per 1 M tokens, or per unit."""
    when: Conditions = ALWAYS
    valid_from: int = 0
    """Microseconds since 1970 UTC. Of two prices under the same conditions the later one holds."""


class PriceTable(msgspec.Struct, frozen=True, gc=False):
    """All prices of one moment, the past and future ones included."""

    version: str = ""
    """A short hash of the rows: the same on every node, another one as soon as any price is another."""
    rows: Mapping[str, tuple[PriceRow, ...]] = MappingProxyType({})
    """By model name or pattern, in the order in which they begin to hold."""


NO_PRICES: Final = PriceTable()


def price_table(rows: Mapping[str, Iterable[PriceRow]]) -> PriceTable:
    """A table of these rows."""
    ordered = {name: tuple(sorted(rows[name], key=lambda row: row.valid_from)) for name in sorted(rows)}
    written = msgspec.json.encode(ordered)
    version = hashlib.blake2b(written, digest_size=6).hexdigest() if ordered else ""
    return PriceTable(version, MappingProxyType(ordered))


def read_prices(rows: Iterable[Row]) -> PriceTable:
    """The result of READ_PRICES as a table; a row that makes no sense is logged and left out alone."""
    found: dict[str, list[PriceRow]] = {}
    for name, kind, nano, conditions, valid_from in in_breaths(rows):
        try:
            row = PriceRow(kind, nano, _read_conditions(kind, nano, conditions), valid_from)
        except (msgspec.MsgspecError, ValueError) as error:
            _log.error("price left out: %s", error, extra={"model": name, "kind": kind})
        else:
            found.setdefault(name, []).append(row)
    return price_table(found)


def _read_conditions(kind: str, nano: int, text: str) -> Conditions:
    if kind not in TOKENS and kind not in UNITS:
        raise ValueError(f"{kind!r} is no kind of price")
    if nano < 0:
        raise ValueError("a price below zero")
    when = ALWAYS if text == "{}" else msgspec.json.decode(text, type=Conditions)
    if when.prompt_over < 0:
        raise ValueError("prompt_over is below zero")
    if kind in TOKENS and (when.size or when.quality):
        raise ValueError("tokens have no size and no quality")
    return msgspec.structs.replace(when, size=when.size.lower(), quality=when.quality.lower())
