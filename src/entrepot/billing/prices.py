"""What does a model cost? The price book finds the rows of a model; a quote pins them at admission.

One model, one pattern: the most specific name that has any price at that moment gives all of
them, so that a price for `*` never adds itself to a model that has prices of its own. A kind
without a price of its own costs what a kind like it does (`DERIVED`); a kind with the price 0 is
free. Units that no row prices cost nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from entrepot.kit import patterns
from entrepot.snapshot.prices import TOKENS, UNITS, PriceRow, PriceTable

DERIVED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cache_read": "input",
        "cache_write_5m": "input",
        "cache_write_1h": "cache_write_5m",
        "audio_input": "input",
        "image_input": "input",
        "output": "input",
        "reasoning": "output",
        "audio_output": "output",
        "image_output": "output",
    }
)
"""Where a kind without a price looks for one. Nobody may pay nothing because a price was forgotten;
only `input` looks nowhere: models that bill by call, second or picture have none."""

Unpriced: TypeAlias = Literal["refuse", "free"]
"""What happens to a call for a model without any price: refused, or charged 0."""

_MEMO_SIZE = 8192
_MEMO_NAME = 256
"""Longer names are looked up anew each time: a stranger could fill the memory with them."""
_FOREVER = 2**63 - 1


class Tier(msgspec.Struct, frozen=True, gc=False):
    """The token prices for prompts over a length."""

    prompt_over: int
    nano: tuple[int, ...]
    """nano-USD per 1 M tokens, in the order of TOKENS."""
    # Made of them: once a tier, not once a call.
    prices: Mapping[str, int] = {}
    """By kind."""
    read: int = 0
    """The dearest way to read a prompt: nobody knows beforehand what the vendor will put into its cache."""
    longest_read: int = 0
    """The same where a cache that lasts an hour was asked for."""
    written: int = 0
    """The dearest way to write text."""
    texts: dict[tuple[bool, ...], str] = {}
    """Prices as usage rows have them, by the kinds that were used: filled by `rows.py`, at most 1,024."""

    def __post_init__(self) -> None:
        prices = dict(zip(TOKENS, self.nano, strict=True))
        read = max(prices["input"], prices["cache_write_5m"])
        made = {"prices": prices, "read": read, "longest_read": max(read, prices["cache_write_1h"])}
        for name, value in (made | {"written": max(prices["output"], prices["reasoning"])}).items():
            msgspec.structs.force_setattr(self, name, value)


class Rate(msgspec.Struct, frozen=True, gc=False):
    """One price of a unit, and what it is for."""

    nano: int
    prompt_over: int = 0
    size: str = ""
    quality: str = ""

    def fits(self, prompt_total: int, size: str, quality: str) -> bool:
        """Are its conditions met?"""
        return (
            (not self.prompt_over or prompt_total > self.prompt_over)
            and self.size in ("", size)
            and self.quality in ("", quality)
        )

    @property
    def detail(self) -> tuple[int, int, int]:
        """Order of rates that fit: more named, then a longer prompt, then the dearer."""
        return (bool(self.size) + bool(self.quality), self.prompt_over, self.nano)


class Quote(msgspec.Struct, frozen=True):
    """All prices of one model at one moment. Pinned when a call is admitted, so that no change reaches a running call."""

    pattern: str
    """The name or pattern whose prices these are; empty where the model is free for want of any."""
    book: str
    """Version of the price book."""
    tiers: tuple[Tier, ...]
    """The longest prompts first; the last one is for all others."""
    units: Mapping[str, tuple[Rate, ...]]
    """Rates by unit, the best described first."""
    others: Mapping[str, "Quote"] = {}
    """Of other models that did a part of the call; one that is not here costs what this one does."""

    def tier(self, prompt_total: int) -> Tier:
        """The token prices for a prompt of so many tokens."""
        for tier in self.tiers:
            if prompt_total > tier.prompt_over:
                return tier
        return self.tiers[-1]

    def unit(self, kind: str, prompt_total: int = 0, size: str = "", quality: str = "") -> int:
        """nano-USD per unit; 0 where the unit has no price.

        Where rates exist and none fits, the dearest holds: an unheard-of size must not be free.
        """
        rates = self.units.get(kind, ())
        for rate in rates:
            if rate.fits(prompt_total, size, quality):
                return rate.nano
        return max((rate.nano for rate in rates), default=0)


_Found: TypeAlias = tuple[int, int, Quote | None]
"""A quote and the time in which it holds: from, and before (microseconds)."""


class PriceBook:
    """Finds quotes. Made once for each table; look-ups remember their results."""

    __slots__ = ("_memo", "_table", "_wildcards", "version")

    def __init__(self, table: PriceTable) -> None:
        self.version = table.version
        self._table = table
        wildcards = (name for name in table.rows if "*" in name)
        self._wildcards = tuple(sorted(wildcards, key=patterns.specificity, reverse=True))
        self._memo: dict[str, _Found] = {}

    def quote(self, model: str, at: int) -> Quote | None:
        """The prices of a model at a time (microseconds since 1970 UTC); None where it has none at all."""
        found = self._memo.get(model)
        if found is None or not found[0] <= at < found[1]:
            found = self._find(model, at)
            if len(model) <= _MEMO_NAME:
                if len(self._memo) >= _MEMO_SIZE:
                    self._memo.clear()
                self._memo[model] = found
        return found[2]

    def _find(self, model: str, at: int) -> _Found:
        start, end = 0, _FOREVER
        for name in self._names(model):
            rows = self._table.rows[name]
            start = max((row.valid_from for row in rows if start < row.valid_from <= at), default=start)
            end = min((row.valid_from for row in rows if at < row.valid_from < end), default=end)
            holding = {(row.kind, row.when): row for row in rows if row.valid_from <= at}
            if holding:
                return start, end, _quote(name, self.version, holding.values())
        return start, end, None

    def _names(self, model: str) -> Iterator[str]:
        """The names that fit, the most specific first."""
        if model in self._table.rows and "*" not in model:
            yield model
        yield from (name for name in self._wildcards if patterns.matches(name, model))


@lru_cache(maxsize=64)
def free(book: str = "") -> Quote:
    """A quote by which everything costs nothing."""
    return Quote("", book, (Tier(0, (0,) * len(TOKENS)),), MappingProxyType({}))


def _quote(name: str, book: str, rows: Iterable[PriceRow]) -> Quote:
    tokens: dict[str, dict[int, int]] = {}
    units: dict[str, list[Rate]] = {}
    for row in rows:
        when = row.when
        if row.kind in UNITS:
            units.setdefault(row.kind, []).append(Rate(row.nano, when.prompt_over, when.size, when.quality))
        else:
            tokens.setdefault(row.kind, {})[when.prompt_over] = row.nano
    lengths = sorted({0, *(length for prices in tokens.values() for length in prices)}, reverse=True)
    tiers = tuple(Tier(length, tuple(_token_price(tokens, kind, length) for kind in TOKENS)) for length in lengths)
    rates = {kind: tuple(sorted(found, key=lambda rate: rate.detail, reverse=True)) for kind, found in units.items()}
    return Quote(name, book, tiers, MappingProxyType(rates))


def _token_price(tokens: Mapping[str, Mapping[int, int]], kind: str, length: int) -> int:
    """A kind's own price at the nearest tier, else that of the kind it derives from."""
    own = tokens.get(kind, {})
    reached = max((tier for tier in own if tier <= length), default=None)
    if reached is not None:
        return own[reached]
    return _token_price(tokens, DERIVED[kind], length) if kind in DERIVED else 0
