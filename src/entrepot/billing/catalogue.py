"""Prices to start with: what vendors ask for their own models, as data in catalogue.toml (made by tools/prices.py)."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files

import msgspec

from entrepot.core.money import parse_usd
from entrepot.snapshot.prices import ALWAYS, TOKENS, UNITS, Conditions, PriceRow


class ModelPrices(msgspec.Struct, frozen=True):
    """A model's prices, and what else the catalogue knows of it."""

    name: str
    """A name, or a pattern."""
    owner: str
    mode: str
    """What it is for: `chat`, `embeddings`, `images`, …"""
    rows: tuple[PriceRow, ...]
    max_output: int = 0
    """Output tokens that it can write in one answer; 0 where that is not known."""


class _Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD by kind."""

    input: str | None = None
    output: str | None = None
    cache_read: str | None = None
    cache_write_5m: str | None = None
    cache_write_1h: str | None = None
    audio_input: str | None = None
    audio_output: str | None = None
    image_input: str | None = None
    image_output: str | None = None
    reasoning: str | None = None
    call: str | None = None
    image: str | None = None
    second: str | None = None
    character: str | None = None
    search: str | None = None

    def rows(self, when: Conditions = ALWAYS) -> Iterator[PriceRow]:
        for kind in (*TOKENS, *UNITS):
            usd: str | None = getattr(self, kind)
            if usd is not None:
                yield PriceRow(kind, parse_usd(usd), when)


class _Variant(_Prices, frozen=True, forbid_unknown_fields=True):
    size: str = ""
    quality: str = ""


class _Line(_Prices, frozen=True, forbid_unknown_fields=True):
    mode: str = ""
    max_output: int = 0
    over: dict[int, _Prices] = {}
    at: tuple[_Variant, ...] = ()


def start_catalogue() -> list[ModelPrices]:
    """The catalogue that comes with this version, in the order of its file.

    Raises msgspec.ValidationError or MoneyError where the file is wrong.
    """
    text = files("entrepot.billing").joinpath("catalogue.toml").read_text("utf-8")
    owners = msgspec.convert(tomllib.loads(text), dict[str, dict[str, _Line]], strict=False)
    return [
        ModelPrices(name, owner, line.mode, tuple(_rows(line)), line.max_output)
        for owner, lines in owners.items()
        for name, line in lines.items()
    ]


def known_outputs() -> dict[str, int]:
    """Output tokens that well-known models can write in one answer, by their names; wildcards are left out."""
    return {found.name: found.max_output for found in start_catalogue() if found.max_output and "*" not in found.name}


def _rows(line: _Line) -> Iterator[PriceRow]:
    yield from line.rows()
    for length, prices in line.over.items():
        yield from prices.rows(Conditions(prompt_over=length))
    for variant in line.at:
        yield from variant.rows(Conditions(size=variant.size, quality=variant.quality))
