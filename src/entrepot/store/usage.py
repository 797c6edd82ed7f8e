"""Writes one row a finished call. Repeating a batch changes nothing: the request id is the key."""

import logging
from collections.abc import Sequence
from typing import Any

from entrepot.core.record import Record
from entrepot.kit import json
from entrepot.kit.clock import utc_day
from entrepot.kit.ids import request_day
from entrepot.store.contract import Database, Many, StoreAwayError, StoreError

_log = logging.getLogger("entrepot.store")

_COLUMNS = (
    "id",
    "day",
    "arrived_at",
    "operation",
    "dialect",
    "status",
    "outcome",
    "fault",
    "model",
    "stream",
    "address",
    "client_id",
    "user_id",
    "key_id",
    "group_name",
    "channel_id",
    "upstream_model",
    "attempts",
    "tokens",
    "basis",
    "prompt_tokens",
    "output_tokens",
    "ttft_us",
    "total_us",
    "bytes_in",
    "bytes_out",
    "dropped",
)
_INSERT = (
    f"INSERT INTO usage ({', '.join(_COLUMNS)}) "  # noqa: S608  # constants
    f"VALUES ({', '.join(f'${index}' for index in range(1, len(_COLUMNS) + 1))}) ON CONFLICT (id) DO NOTHING"
)
_TEXT_LIMIT = 512
"""Characters kept of what a client or a vendor wrote (model names, ids)."""


async def write_usage(db: Database, records: Sequence[Record]) -> None:
    """Insert a row for each record, in one transaction.

    A record that the database refuses is logged and left out; it never keeps the others back.
    Raises StoreAwayError: then repeat the whole batch.
    """
    rows = [_row(record) for record in records]
    if not rows:
        return
    try:
        await db.transaction([Many(_INSERT, rows)])
    except StoreAwayError:
        raise
    except StoreError:
        for row in rows:
            await _write_alone(db, row)


async def _write_alone(db: Database, row: Sequence[Any]) -> None:
    try:
        await db.execute(_INSERT, *row)
    except StoreAwayError:
        raise
    except StoreError as error:
        _log.error("usage row refused by the database", extra={"request": row[0], "error": str(error)})


def _row(record: Record) -> tuple[Any, ...]:
    usage = record.usage
    return (
        record.id,
        request_day(record.id) or utc_day(record.arrived),
        round(record.arrived * 1_000_000),
        record.operation,
        record.dialect,
        record.status,
        record.outcome,
        record.fault,
        _clean(record.model),
        int(record.stream),
        record.address,
        _clean(record.client_id),
        record.user_id,
        record.key_id,
        record.group,
        record.channel_id,
        _clean(record.upstream_model),
        json.encode(record.attempts).decode(),
        json.encode(usage.kinds()).decode(),
        usage.basis.value,
        usage.prompt_total,
        usage.output_total,
        None if record.ttft_ms is None else round(record.ttft_ms * 1000),
        round(record.total_ms * 1000),
        record.bytes_in,
        record.bytes_out,
        json.encode(record.dropped).decode(),
    )


def _clean(text: str | None) -> str | None:
    """What both databases take as text: no NUL (PostgreSQL), no lone surrogates, bounded."""
    if text is None:
        return None
    return text[:_TEXT_LIMIT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
