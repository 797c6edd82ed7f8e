"""Single calls from the database. Lists go back in time; their cursor is the id, which sorts by time."""

import re
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.engine import RowMapping

from entrepot.billing.receipt import FACTS, Receipt, facts_of, receipt
from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.fields import MICRO
from entrepot.control.pages import Page, page_of
from entrepot.control.services import Transaction
from entrepot.control.usage.chosen import Chosen, resolve
from entrepot.control.usage.schemas import CallView, UsageFilter
from entrepot.core.money import format_usd
from entrepot.kit import json
from entrepot.kit.clock import iso
from entrepot.kit.ids import first_request_id
from entrepot.store.schema import channels, keys, usage, users

_SAME = (
    *("id", "operation", "dialect", "status", "outcome", "fault", "model", "upstream_model", "address", "client_id"),
    *("key_id", "basis", "prompt_tokens", "output_tokens", "bytes_in", "bytes_out"),
)

LOOK = 20_000
"""Calls that one page looks through for what no index finds (a model, a channel, a status, an outcome)."""
_CURSOR = re.compile(r"req_[\x21-\x7e]{1,60}")


async def list_page(tx: Transaction, filtered: UsageFilter, limit: int, after: str | None = None) -> Page[CallView]:
    """Calls, the newest first; of those with something rare, as many as LOOK calls have. Raises InvalidError."""
    if after is not None and not _CURSOR.fullmatch(after):
        raise InvalidError("after: is not a cursor of this list", "after")
    chosen = await resolve(tx, filtered)
    seek, sift = _seek(chosen, after), _sift(chosen)
    end = await _end_of_look(tx, seek) if sift else None
    within = seek if end is None else [*seek, usage.c.id >= end]
    rows = await tx.rows(_calls().where(*within, *sift).order_by(usage.c.id.desc()).limit(limit + 1))
    page = page_of([_view(row) for row in rows], limit, [row["id"] for row in rows])
    return page if page.next is not None or end is None else Page(data=page.data, next=end)


async def _end_of_look(tx: Transaction, seek: list[ColumnElement[bool]]) -> str | None:
    """The lowest id that a page looks at; None where it looks at all there are."""
    looked = select(usage.c.id).where(*seek).order_by(usage.c.id.desc()).offset(LOOK - 1).limit(1)
    return await tx.scalar(looked)


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


def _calls() -> Select[Any]:
    named = (keys.c.name.label("key_name"), users.c.name.label("user_name"), channels.c.name.label("channel_name"))
    joined = usage.outerjoin(keys, keys.c.id == usage.c.key_id).outerjoin(users, users.c.id == usage.c.user_id)
    return select(usage, *named).select_from(joined.outerjoin(channels, channels.c.id == usage.c.channel_id))


def _seek(chosen: Chosen, after: str | None) -> list[ColumnElement[bool]]:
    """What an index answers."""
    ids = usage.c.id
    found = [usage.c[name] == value for name in ("user_id", "key_id") if (value := getattr(chosen, name)) is not None]
    if chosen.since is not None:
        found.append(ids >= first_request_id(chosen.since))
    if chosen.until is not None:
        found.append(ids < first_request_id(chosen.until))
    if after is not None:
        found.append(ids < after)
    return found


def _sift(chosen: Chosen) -> list[ColumnElement[bool]]:
    """What has to be looked for row by row."""
    names = ("channel_id", "model", "status", "outcome")
    return [usage.c[name] == value for name in names if (value := getattr(chosen, name)) is not None]


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
        disconnect=row["disconnect"] or None,
        waived=format_usd(row["waived"]),
    )
