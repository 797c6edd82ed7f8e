"""Prices on the database. A price is never changed: a new one begins to hold, the old ones are the history."""

from typing import Any, TypeAlias

from sqlalchemy import Select, select
from sqlalchemy.engine import RowMapping

from entrepot.billing.prices import PriceBook
from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.fields import MICRO, parse_moment
from entrepot.control.models import service as models
from entrepot.control.models.schemas import ModelCreate
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.prices.schemas import Conditions, EffectiveView, PriceSet, PriceView, TierView
from entrepot.control.services import Transaction
from entrepot.core.money import format_usd, parse_usd
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.snapshot.prices import READ_PRICES, TOKENS, UNITS, read_prices
from entrepot.store.schema import models as model_table
from entrepot.store.schema import prices

Held: TypeAlias = tuple[str, str]
"""A kind, and its conditions as they are kept: of two prices under the same ones the later one holds."""


async def set_prices(tx: Transaction, spec: PriceSet) -> list[PriceView]:
    """Add what differs from the prices at that moment; gives the model's history. Raises InvalidError."""
    if not await models.exists(tx, spec.model):
        await models.create(tx, ModelCreate(name=spec.model))
    model_id = (await models.find(tx, spec.model))["id"]
    start = _start(tx, spec.valid_from)
    conditions = written(spec.conditions)
    before = await holding(tx, model_id, start)
    for kind, usd in spec.price.model_dump(exclude_none=True).items():
        nano = parse_usd(usd)
        if before.get((kind, conditions)) != nano:
            values = {"model_id": model_id, "kind": kind, "nano": nano, "conditions": conditions, "valid_from": start}
            await tx.add(prices, values)
            tx.touched_snapshot()
    return await history(tx, spec.model)


async def history(tx: Transaction, model: str) -> list[PriceView]:
    """All prices of one model, by kind, the newest first. Raises NotFoundError."""
    model_id = (await models.find(tx, model))["id"]
    order = (prices.c.kind, prices.c.conditions, prices.c.valid_from.desc(), prices.c.id.desc())
    rows = await tx.rows(_query().where(prices.c.model_id == model_id).order_by(*order))
    return await _views(tx, rows)


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[PriceView]:
    """Prices of all models in the order in which they were set."""
    query = _query().where(prices.c.id > number_cursor(after)).order_by(prices.c.id).limit(limit + 1)
    views = await _views(tx, await tx.rows(query))
    return page_of(views, limit, [str(view.id) for view in views])


async def effective(tx: Transaction, model: str) -> EffectiveView:
    """What a call for a model costs now, whatever name or wildcard says so. Raises NotFoundError where nothing does."""
    quote = PriceBook(read_prices(await tx.raw.fetch(READ_PRICES.sql))).quote(model, tx.now)
    if quote is None:
        raise NotFoundError(f"Neither {model!r} nor a wildcard that fits it has a price.", "model")
    tiers = [
        TierView(
            conditions={"prompt_over": tier.prompt_over} if tier.prompt_over else {},
            prices={kind: format_usd(nano) for kind, nano in zip(TOKENS, tier.nano, strict=True)},
        )
        for tier in quote.tiers
    ]
    units = [
        TierView(conditions=_shown(rate.prompt_over, rate.size, rate.quality), prices={kind: format_usd(rate.nano)})
        for kind, rates in quote.units.items()
        for rate in rates
    ]
    return EffectiveView(model=model, pattern=quote.pattern, book=quote.book, tiers=tiers, units=units)


async def holding(tx: Transaction, model_id: int, moment: int) -> dict[Held, int]:
    """Nano-USD of each price that holds at that moment."""
    query = select(prices).where(prices.c.model_id == model_id, prices.c.valid_from <= moment)
    rows = await tx.rows(query.order_by(prices.c.valid_from, prices.c.id))
    return {(row["kind"], row["conditions"]): row["nano"] for row in rows}


def written(conditions: Conditions) -> str:
    """Conditions as they are kept: the same ones give the same text."""
    return write_conditions(conditions.prompt_over or 0, conditions.size or "", conditions.quality or "")


def write_conditions(prompt_over: int, size: str, quality: str) -> str:
    """Likewise; zero and empty stand for none."""
    return json.encode(_shown(prompt_over, size.lower(), quality.lower())).decode()


def _shown(prompt_over: int, size: str, quality: str) -> dict[str, int | str]:
    named = {"prompt_over": prompt_over, "quality": quality, "size": size}
    return {name: value for name, value in named.items() if value}


def _start(tx: Transaction, valid_from: str | None) -> int:
    moment = tx.now if valid_from is None else parse_moment(valid_from, tx.now)
    if moment is None:
        raise InvalidError("valid_from: a price begins to hold at some time", "valid_from")
    return moment


async def _views(tx: Transaction, rows: list[RowMapping]) -> list[PriceView]:
    model_ids = {row["model_id"] for row in rows}
    query = select(prices.c.id, prices.c.model_id, prices.c.kind, prices.c.conditions)
    query = query.where(prices.c.model_id.in_(model_ids), prices.c.valid_from <= tx.now)
    ordered = await tx.rows(query.order_by(prices.c.valid_from, prices.c.id))
    current = set({(row["model_id"], row["kind"], row["conditions"]): row["id"] for row in ordered}.values())
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
        conditions=json.decode(row["conditions"]),
        valid_from=iso(row["valid_from"] / MICRO),
        current=row["id"] in current,
    )
