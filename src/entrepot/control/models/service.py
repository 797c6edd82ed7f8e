"""Models on the database."""

from typing import Any, TypeAlias

from sqlalchemy import delete as delete_from
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control import rates
from entrepot.control.errors import ConflictError, missing
from entrepot.control.fields import MICRO, TimeoutTable
from entrepot.control.models.schemas import ModelCreate, ModelTier, ModelUpdate, ModelView
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.services import Transaction
from entrepot.core.money import format_usd
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.store.schema import models, prices

Current: TypeAlias = dict[str, dict[str, str]]
_ALWAYS = "{}"
"""No conditions."""


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[ModelView]:
    """Models in the order of their creation."""
    query = select(models).where(models.c.id > number_cursor(after)).order_by(models.c.id).limit(limit + 1)
    rows = await tx.rows(query)
    current = await current_prices(tx, [row["id"] for row in rows])
    views = [_view(row, current.get(row["id"], {})) for row in rows]
    return page_of(views, limit, [str(view.id) for view in views])


async def get(tx: Transaction, name: str) -> ModelView:
    """One model. Raises NotFoundError."""
    row = await find(tx, name)
    return _view(row, (await current_prices(tx, [row["id"]])).get(row["id"], {}))


async def find(tx: Transaction, name: str) -> RowMapping:
    """A model's row. Raises NotFoundError."""
    row = await tx.row(select(models).where(models.c.name == name))
    if row is None:
        known = await tx.rows(select(models.c.name).limit(5000))
        raise missing("model", name, [other["name"] for other in known])
    return row


async def exists(tx: Transaction, name: str) -> bool:
    """Is there such a model?"""
    return await tx.scalar(select(models.c.id).where(models.c.name == name)) is not None


async def create(tx: Transaction, spec: ModelCreate) -> ModelView:
    """A new model. Raises ConflictError where the name is taken."""
    if await exists(tx, spec.name):
        raise ConflictError(f"There is already a model {spec.name!r}.", "name")
    await tx.add(models, {**_columns(spec.model_dump()), "created_at": tx.now})
    tx.touched_snapshot()
    return await get(tx, spec.name)


async def update(tx: Transaction, name: str, change: ModelUpdate) -> ModelView:
    """Change what the caller set. Raises NotFoundError."""
    row = await find(tx, name)
    if await tx.change(models, row, _columns(change.model_dump(exclude_unset=True, exclude={"name"}), row["limits"])):
        tx.touched_snapshot()
    return await get(tx, name)


async def remove(tx: Transaction, name: str) -> None:
    """Delete a model and its prices. Raises NotFoundError."""
    row = await find(tx, name)
    await tx.write(delete_from(prices).where(prices.c.model_id == row["id"]))
    await tx.write(delete_from(models).where(models.c.id == row["id"]))
    tx.touched_snapshot()


async def current_prices(tx: Transaction, model_ids: list[int]) -> dict[int, Current]:
    """What holds now for each of these models: USD by kind, by conditions; models without a price are left out."""
    query = select(prices).where(prices.c.model_id.in_(model_ids), prices.c.valid_from <= tx.now)
    found: dict[int, Current] = {}
    for row in await tx.rows(query.order_by(prices.c.valid_from, prices.c.id)):
        of_model = found.setdefault(row["model_id"], {})
        of_model.setdefault(row["conditions"], {})[row["kind"]] = format_usd(row["nano"])
    return found


def _columns(values: dict[str, Any], limits: str = "{}") -> dict[str, Any]:
    columns = rates.column(values, limits)
    if "timeouts" not in columns:
        return columns
    chosen = {name: seconds for name, seconds in columns["timeouts"].items() if seconds is not None}
    return {**columns, "timeouts": json.encode(chosen).decode()}


def _view(row: RowMapping, current: Current) -> ModelView:
    same = {name: row[name] for name in ("id", "name", "description", "owner", "disconnect", "affinity", "max_output")}
    timeouts = TimeoutTable(**json.decode(row["timeouts"]))
    plain = current.get(_ALWAYS, {})
    tiers = [ModelTier(conditions=json.decode(when), prices=held) for when, held in current.items() if when != _ALWAYS]
    return ModelView(
        **same,
        **rates.shown(row["limits"]),
        timeouts=timeouts,
        prices=plain,
        tiers=tiers,
        created_at=iso(row["created_at"] / MICRO),
    )
