"""Prices on the database. A price is never changed: a new one begins to hold, the old ones are the history."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.engine import RowMapping

from entrepot.control.errors import InvalidError
from entrepot.control.fields import MICRO, parse_moment
from entrepot.control.models import service as models
from entrepot.control.models.schemas import ModelCreate
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.prices.schemas import PriceSet, PriceView
from entrepot.control.services import Transaction
from entrepot.core.money import format_usd, parse_usd
from entrepot.kit.clock import iso
from entrepot.store.schema import models as model_table
from entrepot.store.schema import prices

UNITS = ("call", "image", "second", "character")


async def set_prices(tx: Transaction, spec: PriceSet) -> list[PriceView]:
    """Add what differs from the prices at that moment; gives the model's history. Raises InvalidError."""
    if not await models.exists(tx, spec.model):
        await models.create(tx, ModelCreate(name=spec.model))
    model_id = (await models.find(tx, spec.model))["id"]
    start = _start(tx, spec.valid_from)
    before = await _holding(tx, model_id, start)
    for kind, usd in spec.price.model_dump(exclude_none=True).items():
        nano = parse_usd(usd)
        if before.get(kind) != nano:
            await tx.add(prices, {"model_id": model_id, "kind": kind, "nano": nano, "valid_from": start})
            tx.touched_snapshot()
    return await history(tx, spec.model)


async def history(tx: Transaction, model: str) -> list[PriceView]:
    """All prices of one model, by kind, the newest first. Raises NotFoundError."""
    model_id = (await models.find(tx, model))["id"]
    order = (prices.c.kind, prices.c.valid_from.desc(), prices.c.id.desc())
    rows = await tx.rows(_query().where(prices.c.model_id == model_id).order_by(*order))
    return await _views(tx, rows)


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[PriceView]:
    """Prices of all models in the order in which they were set."""
    query = _query().where(prices.c.id > number_cursor(after)).order_by(prices.c.id).limit(limit + 1)
    views = await _views(tx, await tx.rows(query))
    return page_of(views, limit, [str(view.id) for view in views])


def _start(tx: Transaction, valid_from: str | None) -> int:
    moment = tx.now if valid_from is None else parse_moment(valid_from, tx.now)
    if moment is None:
        raise InvalidError("valid_from: a price begins to hold at some time", "valid_from")
    return moment


async def _holding(tx: Transaction, model_id: int, moment: int) -> dict[str, int]:
    """Nano-USD by kind, at that moment."""
    query = select(prices).where(prices.c.model_id == model_id, prices.c.valid_from <= moment)
    rows = await tx.rows(query.order_by(prices.c.valid_from, prices.c.id))
    return {row["kind"]: row["nano"] for row in rows}


async def _views(tx: Transaction, rows: list[RowMapping]) -> list[PriceView]:
    model_ids = {row["model_id"] for row in rows}
    query = select(prices.c.id, prices.c.model_id, prices.c.kind)
    query = query.where(prices.c.model_id.in_(model_ids), prices.c.valid_from <= tx.now)
    ordered = await tx.rows(query.order_by(prices.c.valid_from, prices.c.id))
    current = set({(row["model_id"], row["kind"]): row["id"] for row in ordered}.values())
    return [_view(row, current) for row in rows]


def _query() -> Select[Any]:
    name = model_table.c.name.label("model_name")
    return select(prices, name).join(model_table, model_table.c.id == prices.c.model_id)


def _view(row: RowMapping, current: set[int]) -> PriceView:
    return PriceView(
        id=row["id"],
        model=row["model_name"],
        kind=row["kind"],
        price=format_usd(row["nano"]),
        unit=row["kind"] if row["kind"] in UNITS else "1M tokens",
        valid_from=iso(row["valid_from"] / MICRO),
        current=row["id"] in current,
    )
