"""Loads the prices that come with this version. An operator's own prices are kept unless told otherwise.

A model is the operator's where it has a price that the catalogue does not say, or where it is not
priced itself but fits a wildcard that the catalogue does not know. `*` does not count: it is for
models of which nothing is known.
"""

from collections.abc import Iterable
from typing import Any, Protocol

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite

from entrepot.control.prices.schemas import CatalogueLoad, CatalogueView
from entrepot.control.prices.service import Held, write_conditions
from entrepot.control.services import Transaction
from entrepot.kit import patterns
from entrepot.snapshot.prices import PriceRow
from entrepot.store.schema import models, prices

_MANY = 500
"""Rows an insert."""


class Priced(Protocol):
    """A model's prices in a catalogue."""

    @property
    def name(self) -> str:
        """A name, or a wildcard."""
        ...

    @property
    def owner(self) -> str:
        """Whose model it is."""
        ...

    @property
    def rows(self) -> Iterable[PriceRow]:
        """Its prices; they hold from when they are loaded."""
        ...


async def load(tx: Transaction, catalogue: Iterable[Priced], spec: CatalogueLoad) -> CatalogueView:
    """Set the catalogue's prices where none are; the same catalogue twice changes nothing."""
    entries = list(catalogue)
    priced = await _holding(tx)
    own = [name for name in priced.keys() - {entry.name for entry in entries} if "*" in name and name != "*"]
    loaded: list[Priced] = []
    kept: list[str] = []
    unchanged = 0
    for entry in entries:
        if spec.models and not patterns.matches_any(spec.models, entry.name):
            continue
        held = priced.get(entry.name, {})
        if _wanted(entry).items() <= held.items():
            unchanged += 1
        elif spec.overwrite or not (held or patterns.matches_any(own, entry.name)):
            loaded.append(entry)
        else:
            kept.append(entry.name)
    if loaded:
        await _write(tx, loaded, priced)
    return CatalogueView(loaded=[entry.name for entry in loaded], kept=kept, unchanged=unchanged)


def _wanted(entry: Priced) -> dict[Held, int]:
    return {(row.kind, write_conditions(row.when.prompt_over, row.when.size, row.when.quality)): row.nano for row in entry.rows}


async def _holding(tx: Transaction) -> dict[str, dict[Held, int]]:
    """What holds now, by model and kind; a price of the future counts as one."""
    query = select(models.c.name, prices).join(models, models.c.id == prices.c.model_id)
    found: dict[str, dict[Held, int]] = {}
    for row in await tx.rows(query.order_by(prices.c.valid_from, prices.c.id)):
        held = found.setdefault(row["name"], {})
        if row["valid_from"] <= tx.now:
            held[row["kind"], row["conditions"]] = row["nano"]
        else:
            held.setdefault((row["kind"], row["conditions"]), -1)
    return found


async def _write(tx: Transaction, entries: list[Priced], priced: dict[str, dict[Held, int]]) -> None:
    made = [{"name": entry.name, "owner": entry.owner, "created_at": tx.now} for entry in entries]
    dialect: Any = sqlite if tx.raw.dialect == "sqlite" else postgresql
    for start in range(0, len(made), _MANY):
        await tx.write(dialect.insert(models).values(made[start : start + _MANY]).on_conflict_do_nothing())
    ids = {row["name"]: row["id"] for row in await tx.rows(select(models.c.name, models.c.id))}
    fresh = [
        {"model_id": ids[entry.name], "kind": kind, "conditions": conditions, "nano": nano, "valid_from": tx.now}
        for entry in entries
        for (kind, conditions), nano in _wanted(entry).items()
        if priced.get(entry.name, {}).get((kind, conditions)) != nano
    ]
    for start in range(0, len(fresh), _MANY):
        await tx.write(insert(prices).values(fresh[start : start + _MANY]))
    tx.touched_snapshot()
