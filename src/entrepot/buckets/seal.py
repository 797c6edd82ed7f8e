"""Deletes old usage rows without losing what they prove: their totals are written in the same transaction.

Totals add up, so that rows may be sealed in any number of steps, and a late record of a day that was sealed long
ago (a journal that turned up after weeks) is a usage row like others until the next run adds it to its day.
"""
# ruff: noqa: S608  # all parts are constants of this file, and names of partitions

from collections.abc import Callable
from typing import Final

from entrepot.store.contract import Database, Guard, GuardError, Row, Statement, Step, nothing_between
from entrepot.store.partitions import is_partition

DAY_US: Final = 86_400_000_000
LOCK_TIMEOUT: Final = "SET LOCAL lock_timeout = '500ms'"
"""Whoever waits for a lock on usage holds up every flush that comes after: rather give up and come again."""


class UnsealableError(Exception):
    """There are rows whose journal the database does not know: sealed, they would hide that from the proof."""


async def seal_rows(
    db: Database, table: str, before: str, limit: int, *, crash: Callable[[str], None] = nothing_between
) -> int:
    """Seal and delete up to about `limit` rows of `table` whose ids sort before `before`, the oldest first; gives how many.

    `table` is `usage` on SQLite, a partition on PostgreSQL. Raises UnsealableError, StoreAwayError.
    """
    _check(db, table)
    rows = await db.fetch(f"SELECT id FROM {table} WHERE id < $1 ORDER BY id LIMIT 1 OFFSET $2", before, limit)
    bound = rows[0][0] if rows else before
    # Only on PostgreSQL may rows come meanwhile: between two statements of one transaction nobody must add any.
    lock: list[Step] = [] if db.dialect == "sqlite" else _lock(table)
    delete = Statement(f"DELETE FROM {table} WHERE id < $1 RETURNING 1", (bound,))
    return len((await _change(db, [*lock, *_seal(table, "id < $1", (bound,)), delete], crash))[-1])


async def seal_partition(db: Database, partition: str, *, crash: Callable[[str], None] = nothing_between) -> None:
    """Seal and empty a whole partition on PostgreSQL. Raises UnsealableError, StoreAwayError."""
    _check(db, partition)
    await _change(db, [*_lock(partition), *_seal(partition, "true", ()), Statement(f"TRUNCATE {partition}")], crash)


async def drop_partition(db: Database, partition: str) -> None:
    """Take an empty partition away; one that is not empty any more stays. Raises GuardError, StoreAwayError."""
    _check(db, partition)
    await db.change(
        [
            Statement(LOCK_TIMEOUT),
            Statement("LOCK TABLE usage IN ACCESS EXCLUSIVE MODE"),
            Guard(f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {partition})"),
            Statement(f"DROP TABLE {partition}"),
        ]
    )


def _lock(table: str) -> list[Step]:
    """Nobody else adds rows or seals; readers go on."""
    return [Statement(LOCK_TIMEOUT), Statement(f"LOCK TABLE ONLY {table} IN SHARE ROW EXCLUSIVE MODE")]


def _seal(table: str, where: str, values: tuple[str, ...]) -> list[Step]:
    unknown = f"{where} AND journal IS NOT NULL AND journal NOT IN (SELECT id FROM journals)"
    found = f"SELECT journal, count(*) AS calls FROM {table} WHERE {where} AND journal IS NOT NULL GROUP BY journal"
    return [
        Guard(f"SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {unknown})", values),
        Statement(
            "INSERT INTO usage_seals (part, day, wallet_id, charge, shortfall) "
            f"SELECT substr(id, 5, 8), CAST(arrived_at / {DAY_US} AS BIGINT), coalesce(wallet_id, 0), "
            f"sum(charge), sum(shortfall) FROM {table} "
            f"WHERE {where} AND journal IS NOT NULL AND (charge <> 0 OR shortfall <> 0) GROUP BY 1, 2, 3 "
            "ON CONFLICT (part, day, wallet_id) DO UPDATE SET charge = usage_seals.charge + excluded.charge, "
            "shortfall = usage_seals.shortfall + excluded.shortfall",
            values,
        ),
        Statement(f"UPDATE journals SET sealed = sealed + f.calls FROM ({found}) AS f WHERE journals.id = f.journal", values),
    ]


async def _change(db: Database, work: list[Step], crash: Callable[[str], None]) -> list[list[Row]]:
    try:
        return await db.change(work, crash)
    except GuardError:
        raise UnsealableError("usage rows name a journal that is unknown: `entrepot ledger verify` says which") from None


def _check(db: Database, table: str) -> None:
    if not (table == "usage" if db.dialect == "sqlite" else is_partition(table)):
        raise ValueError(f"{table} is no table of usage rows")
