"""Usage from the database. Lists go back in time; their cursor is a call's arrival and id."""

from typing import Any

from sqlalchemy import ColumnElement, Select, case, false, func, select, tuple_
from sqlalchemy.engine import RowMapping

from entrepot.billing.receipt import FACTS, Receipt, facts_of, receipt
from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.fields import MICRO, parse_moment
from entrepot.control.pages import Page, page_of
from entrepot.control.services import Transaction
from entrepot.control.usage.schemas import By, CallView, SumView, UsageFilter
from entrepot.core.money import format_usd
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.store.schema import channels, keys, usage, users

_SAME = (
    *("id", "operation", "dialect", "status", "outcome", "fault", "model", "upstream_model", "address", "client_id"),
    *("key_id", "basis", "prompt_tokens", "output_tokens", "bytes_in", "bytes_out"),
)


_COUNTS = ("prompt_tokens", "output_tokens", "bytes_in", "bytes_out")
_MONEY = ("charge", "shortfall")


async def list_page(tx: Transaction, chosen: UsageFilter, limit: int, after: str | None = None) -> Page[CallView]:
    """Calls, the newest first. Raises InvalidError."""
    query = _calls().where(*await _conditions(tx, chosen))
    if after is not None:
        query = query.where(tuple_(usage.c.arrived_at, usage.c.id) < tuple_(*_cursor(after)))
    rows = await tx.rows(query.order_by(usage.c.arrived_at.desc(), usage.c.id.desc()).limit(limit + 1))
    return page_of([_view(row) for row in rows], limit, [f"{row['arrived_at']}.{row['id']}" for row in rows])


async def get(tx: Transaction, request_id: str) -> CallView:
    """One call. Raises NotFoundError."""
    row = await tx.row(_calls().where(usage.c.id == request_id))
    if row is None:
        raise NotFoundError(f"There is no call {request_id!r}; a fresh one is written within a second.", "id")
    return _view(row)


async def find_receipt(tx: Transaction, request_id: str) -> Receipt:
    """What a call cost and why, as `GET /v1/receipts/{id}` shows it. Raises NotFoundError."""
    row = await tx.row(select(*(usage.c[name] for name in FACTS)).where(usage.c.id == request_id))
    if row is None:
        raise NotFoundError(f"There is no call {request_id!r}; a fresh one is written within a second.", "id")
    return receipt(facts_of(list(row.values())))


async def summary(tx: Transaction, chosen: UsageFilter, by: By, limit: int, after: str | None = None) -> Page[SumView]:
    """Sums in the order of the day (the newest first), the model's name, or the id of key, user or channel."""
    column: ColumnElement[Any] = {
        "day": usage.c.day,
        "model": usage.c.model,
        "key": func.coalesce(usage.c.key_id, 0),
        "user": func.coalesce(usage.c.user_id, 0),
        "channel": func.coalesce(usage.c.channel_id, 0),
    }[by]
    query = _sums(column).where(*await _conditions(tx, chosen)).group_by(column)
    if after is not None:
        start = _group_cursor(by, after)
        query = query.where(column < start if by == "day" else column > start)
    order = column.desc() if by == "day" else column.asc()
    rows = await tx.rows(query.order_by(order).limit(limit + 1))
    names = await _names(tx, by, rows)
    return page_of([_sum(row, by, names) for row in rows], limit, [str(row["grouped"]) for row in rows])


def _calls() -> Select[Any]:
    named = (keys.c.name.label("key_name"), users.c.name.label("user_name"), channels.c.name.label("channel_name"))
    joined = usage.outerjoin(keys, keys.c.id == usage.c.key_id).outerjoin(users, users.c.id == usage.c.user_id)
    return select(usage, *named).select_from(joined.outerjoin(channels, channels.c.id == usage.c.channel_id))


def _sums(column: ColumnElement[Any]) -> Select[Any]:
    return select(
        column.label("grouped"),
        func.count().label("calls"),
        func.sum(case((usage.c.outcome == "ok", 0), else_=1)).label("failed"),
        *(func.sum(usage.c[name]).label(name) for name in _COUNTS),
        *(func.coalesce(func.sum(usage.c[name]), 0).label(name) for name in _MONEY),
        func.avg(usage.c.total_us).label("mean_us"),
    )


async def _conditions(tx: Transaction, chosen: UsageFilter) -> list[ColumnElement[bool]]:
    equal = {usage.c.key_id: chosen.key, usage.c.model: chosen.model, usage.c.status: chosen.status}
    equal[usage.c.outcome] = chosen.outcome
    found = [column == value for column, value in equal.items() if value is not None]
    for name, table, column in ((chosen.user, users, usage.c.user_id), (chosen.channel, channels, usage.c.channel_id)):
        if name is not None:
            row_id = await tx.scalar(select(table.c.id).where(table.c.name == name))
            found.append(false() if row_id is None else column == row_id)
    if (since := _moment(tx, "since", chosen.since)) is not None:
        found.append(usage.c.arrived_at >= since)
    if (until := _moment(tx, "until", chosen.until)) is not None:
        found.append(usage.c.arrived_at < until)
    return found


def _moment(tx: Transaction, field: str, text: str | None) -> int | None:
    """A span is a time in the past here: `24h` is a day ago."""
    if text is None:
        return None
    if text == "never":
        raise InvalidError(f"{field}: 'never' is no time in the past", field)
    if text[-1] in "mhdw":
        return tx.now - (parse_moment(text, 0) or 0)
    return parse_moment(text, tx.now)


def _cursor(text: str) -> tuple[int, str]:
    arrived, dot, request_id = text.partition(".")
    if not dot or not arrived.isdecimal() or len(arrived) > 18:
        raise InvalidError("after: is not a cursor of this list", "after")
    return int(arrived), request_id


def _group_cursor(by: By, text: str) -> str | int:
    if by in ("day", "model"):
        return text
    if not text.isdecimal() or len(text) > 18:
        raise InvalidError("after: is not a cursor of this list", "after")
    return int(text)


async def _names(tx: Transaction, by: By, rows: list[RowMapping]) -> dict[int, str]:
    """Names of the keys, users or channels that the rows are about."""
    tables = {"key": keys, "user": users, "channel": channels}
    if by not in tables:
        return {}
    table = tables[by]
    query = select(table.c.id, table.c.name).where(table.c.id.in_([row["grouped"] for row in rows]))
    return {row["id"]: row["name"] for row in await tx.rows(query)}


def _sum(row: RowMapping, by: By, names: dict[int, str]) -> SumView:
    grouped = row["grouped"]
    is_id = by not in ("day", "model")
    counts = {name: int(row[name] or 0) for name in ("calls", "failed", *_COUNTS)}
    return SumView(
        by=names.get(grouped, "") if is_id else grouped,
        id=(grouped or None) if is_id else None,
        mean_total_ms=round(float(row["mean_us"]) / 1000, 3),
        charge=format_usd(int(row["charge"])),
        shortfall=format_usd(int(row["shortfall"])),
        **counts,
    )


def _view(row: RowMapping) -> CallView:
    return CallView(
        **{name: row[name] for name in _SAME},
        arrived_at=iso(row["arrived_at"] / MICRO),
        stream=bool(row["stream"]),
        user=row["user_name"],
        key=row["key_name"],
        group=row["group_name"],
        channel=row["channel_name"],
        attempts=json.decode(row["attempts"]),
        tokens=json.decode(row["tokens"]),
        ttft_ms=None if row["ttft_us"] is None else row["ttft_us"] / 1000,
        total_ms=row["total_us"] / 1000,
        dropped=json.decode(row["dropped"]),
        charge=format_usd(row["charge"]),
        shortfall=format_usd(row["shortfall"]),
    )
