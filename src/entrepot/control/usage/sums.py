"""Sums of calls, from sums by the hour: as quick for a year as the number of keys and models allows.

Only the status and the outcome of a call are not in them; a question for those reads single calls.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Integer, Select, Table, case, func, literal, literal_column, select, tuple_
from sqlalchemy.engine import RowMapping

from entrepot.control.errors import InvalidError
from entrepot.control.pages import Page, page_of
from entrepot.control.services import Transaction
from entrepot.control.usage.chosen import Chosen, resolve
from entrepot.control.usage.schemas import By, SumView, UsageFilter
from entrepot.core.money import format_usd
from entrepot.kit.ids import first_request_id
from entrepot.store.schema import channels, keys, usage, usage_hourly, users

HOUR_US = 3_600_000_000
_SAME = ("prompt_tokens", "output_tokens", "charge", "shortfall", "bytes_in", "bytes_out", "total_us")
_EPOCH = date(1970, 1, 1)
_TABLES: dict[str, Table] = {"key": keys, "user": users, "channel": channels}
_GROUPED = {"model": ("model",), "key": ("user_id", "key_id"), "user": ("user_id",), "channel": ("channel_id",)}


async def summary(tx: Transaction, filtered: UsageFilter, by: By, limit: int, after: str | None = None) -> Page[SumView]:
    """Sums in the order of the day (the newest first), the model's name, or the id of user, user and key, or channel.

    A page of days looks back `limit` days from the last one with calls: it may have fewer. Raises InvalidError.
    """
    chosen = await resolve(tx, filtered)
    if chosen.singly and chosen.since is None:
        raise InvalidError("since: calls of one status or outcome are counted one by one: say since when", "since")
    if chosen.key_id is not None and chosen.user_id is None and not chosen.singly:
        # A key does not change hands, and the index begins with the user.
        chosen = chosen._replace(user_id=await tx.scalar(select(keys.c.user_id).where(keys.c.id == chosen.key_id)))
    hours = _single_calls(chosen) if chosen.singly else usage_hourly
    where = _where(hours, chosen)
    if by == "day":
        return await _by_day(tx, hours, where, limit, after)
    columns = [hours.c[name] for name in _GROUPED[by]]
    if after is not None:
        where.append(tuple_(*columns) > tuple_(*_cursor(by, after)))
    rows = await tx.rows(_sums(hours, columns).where(*where).group_by(*columns).order_by(*columns).limit(limit + 1))
    names = await _names(tx, by, rows)
    cursors = [".".join(str(row[name]) for name in _GROUPED[by]) for row in rows]
    return page_of([_view(row, by, names) for row in rows], limit, cursors)


async def _by_day(
    tx: Transaction, hours: FromClause, where: list[ColumnElement[bool]], limit: int, after: str | None
) -> Page[SumView]:
    hour: ColumnElement[Any] = hours.c.hour
    if after is not None:
        where = [*where, hour < _parse_day(after) * 24]
    last = await tx.scalar(select(func.max(hour)).where(*where))
    if last is None:
        return Page(data=[])
    # A literal: PostgreSQL would take two parameters for two different groupings.
    day, first = hour // literal_column("24", Integer), int(last) // 24 - limit + 1
    query = _sums(hours, [day.label("day")]).where(*where, hour >= first * 24)
    rows = await tx.rows(query.group_by(day).order_by(day.desc()))
    more = await tx.scalar(select(hour).where(*where, hour < first * 24).limit(1))
    return Page(data=[_view(row, "day", {}) for row in rows], next=None if more is None else _day_text(first))


def _single_calls(chosen: Chosen) -> FromClause:
    """Calls of one status or outcome, each like an hour with one call in it."""
    where = [usage.c[name] == value for name in ("status", "outcome") if (value := getattr(chosen, name)) is not None]
    if chosen.since is not None:
        where.append(usage.c.id >= first_request_id(chosen.since))
    if chosen.until is not None:
        where.append(usage.c.id < first_request_id(chosen.until))
    return (
        select(
            (usage.c.arrived_at // HOUR_US).label("hour"),
            *(func.coalesce(usage.c[name], 0).label(name) for name in ("user_id", "key_id", "channel_id")),
            usage.c.model,
            literal(1).label("calls"),
            case((usage.c.outcome == "ok", 0), else_=1).label("faults"),
            *(usage.c[name] for name in _SAME),
        )
        .where(*where)
        .subquery()
    )


def _where(hours: FromClause, chosen: Chosen) -> list[ColumnElement[bool]]:
    """Of sums whole hours: the one in which `since` lies counts, and the one in which `until` lies."""
    names = ("user_id", "key_id", "channel_id", "model")
    found = [hours.c[name] == value for name in names if (value := getattr(chosen, name)) is not None]
    if chosen.since is not None and not chosen.singly:
        found.append(hours.c.hour >= chosen.since // HOUR_US)
    if chosen.until is not None and not chosen.singly:
        found.append(hours.c.hour < -(-chosen.until // HOUR_US))
    return found


def _sums(hours: FromClause, columns: list[Any]) -> Select[*tuple[Any, ...]]:
    sums = [func.sum(hours.c[name]).label(name) for name in ("calls", "faults", *_SAME)]
    everything: list[Any] = [*columns, *sums]
    return select(*everything)


def _day_text(day: int) -> str:
    return f"{_EPOCH + timedelta(days=day):%Y%m%d}"


def _parse_day(text: str) -> int:
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise _no_cursor() from None


def _cursor(by: By, text: str) -> list[str | int]:
    if by == "model":
        return [text]
    numbers = text.split(".")
    if len(numbers) != len(_GROUPED[by]) or not all(part.isdecimal() and len(part) <= 18 for part in numbers):
        raise _no_cursor()
    return [int(part) for part in numbers]


def _no_cursor() -> InvalidError:
    return InvalidError("after: is not a cursor of this list", "after")


async def _names(tx: Transaction, by: By, rows: list[RowMapping]) -> dict[int, str]:
    """Names of the keys, users or channels that the rows are about."""
    table = _TABLES.get(by)
    if table is None:
        return {}
    found = select(table.c.id, table.c.name).where(table.c.id.in_([row[f"{by}_id"] for row in rows]))
    return {row["id"]: row["name"] for row in await tx.rows(found)}


def _view(row: RowMapping, by: By, names: dict[int, str]) -> SumView:
    row_id = int(row[f"{by}_id"]) if by in _TABLES else 0
    label = _day_text(int(row["day"])) if by == "day" else row["model"] if by == "model" else names.get(row_id, "")
    calls = int(row["calls"])
    counts = {name: int(row[name]) for name in ("prompt_tokens", "output_tokens", "bytes_in", "bytes_out")}
    return SumView(
        by=label,
        id=row_id or None,
        calls=calls,
        failed=int(row["faults"]),
        mean_total_ms=round(int(row["total_us"]) / calls / 1000, 3),
        charge=format_usd(int(row["charge"])),
        shortfall=format_usd(int(row["shortfall"])),
        **counts,
    )
