"""Days of usage: prepared ahead on PostgreSQL, sealed and dropped when they are old; old hours become days."""
# ruff: noqa: S608  # names of partitions and columns

from datetime import date, timedelta
from typing import Final

from entrepot.buckets.plan import SUMS
from entrepot.buckets.seal import LOCK_TIMEOUT, drop_partition, seal_partition, seal_rows
from entrepot.store import partitions
from entrepot.store.contract import ConflictError, Database, GuardError, Statement, StatementError, StoreAwayError

BATCH: Final = 1000
"""Rows in one transaction: on SQLite everybody else who writes waits for it."""
_KEYS: Final = "user_id, key_id, group_name, model, channel_id"


async def prepare_days(db: Database, today: date) -> list[date]:
    """Make the partitions of today and the days to come that are missing; gives which. Raises StoreAwayError."""
    if db.dialect == "sqlite":
        return []
    made: list[date] = []
    there = {row[0] for row in await db.fetch(partitions.LIST)}
    for offset in range(partitions.DAYS_AHEAD + 1):
        day = today + timedelta(days=offset)
        if partitions.name_of(day) in there or await _within_before(db, day, there):
            continue
        try:
            await db.transaction([Statement(LOCK_TIMEOUT), *(Statement(sql) for sql in partitions.make(day))])
        except (ConflictError, StatementError):
            continue  # its first rows are in the default partition, and so is the rest of it; or another node was faster
        made.append(day)
    return made


async def old_tables(db: Database, first: date) -> list[str]:
    """Where rows of days before `first` may be, the oldest first. Raises StoreAwayError."""
    if db.dialect == "sqlite":
        return ["usage"]
    names = [row[0] for row in await db.fetch(partitions.LIST)]
    old = [name for name in names if (day := partitions.day_in(name)) is not None and day < first]
    return [name for name in (partitions.BEFORE, partitions.DEFAULT) if name in names] + old


async def count_old(db: Database, table: str, first: date) -> int:
    """Rows of days before `first`. Raises StoreAwayError."""
    ((found,),) = await db.fetch(f"SELECT count(*) FROM {table} WHERE id < $1", partitions.first_id(first))
    return int(found)


async def seal_some(db: Database, table: str, first: date) -> int:
    """Seal and delete a batch of days before `first`, or the whole partition where nothing else is in it; gives how many rows.

    Raises UnsealableError, StoreAwayError.
    """
    before = partitions.first_id(first)
    if table in ("usage", partitions.DEFAULT) or await db.fetch(f"SELECT 1 FROM {table} WHERE id >= $1 LIMIT 1", before):
        return await seal_rows(db, table, before, BATCH)
    found = await count_old(db, table, first)
    if found:
        await seal_partition(db, table)
    return found


async def drop_empty(db: Database, table: str) -> bool:
    """Take a partition away that was emptied; False where it is not empty, or in use right now. Raises no StoreError."""
    if table in ("usage", partitions.DEFAULT):
        return False
    try:
        await drop_partition(db, table)
    except (GuardError, StoreAwayError):
        return False
    return True


async def is_empty(db: Database, table: str) -> bool:
    """Is nothing left in a partition? Raises StoreAwayError."""
    return not await db.fetch(f"SELECT 1 FROM {table} LIMIT 1")


async def count_hours(db: Database, before: int) -> int:
    """Sums of single hours before the hour `before`. Raises StoreAwayError."""
    ((found,),) = await db.fetch("SELECT count(*) FROM usage_hourly WHERE hour < $1 AND hour % 24 <> 0", before)
    return int(found)


async def fold_some(db: Database, before: int, start: int) -> tuple[int, int]:
    """Fold a batch of hours into their day's first hour, from the hour `start` on: (rows, where to go on); (0, -1) at the end.

    Looks once at each day: days that are folded cost one look-up. Raises StoreAwayError.
    """
    while True:
        ((hour,),) = await db.fetch("SELECT min(hour) FROM usage_hourly WHERE hour >= $1 AND hour < $2", start, before)
        if hour is None:
            return 0, -1
        if hour % 24:
            return await _fold(db, hour // 24 * 24), hour
        start = hour + 1


async def _fold(db: Database, first: int) -> int:
    """One batch of one day. The rows that go are those that are added, whatever others write meanwhile."""
    sums = ", ".join(f"sum({name})" for name in SUMS)
    into = f"INSERT INTO usage_hourly (hour, {_KEYS}, {', '.join(SUMS)}) SELECT CAST($1 AS BIGINT), {_KEYS}, {sums}"
    add = ", ".join(f"{name} = usage_hourly.{name} + excluded.{name}" for name in SUMS)
    conflict = f"GROUP BY {_KEYS} ON CONFLICT (hour, {_KEYS}) DO UPDATE SET {add}"
    hours = f"hour > $1 AND hour < $1 + 24 ORDER BY hour, {_KEYS} LIMIT {BATCH}"
    if db.dialect == "sqlite":
        done = await db.transaction(
            [
                Statement(f"{into} FROM (SELECT * FROM usage_hourly WHERE {hours}) WHERE true {conflict}", (first,)),
                Statement(f"DELETE FROM usage_hourly WHERE rowid IN (SELECT rowid FROM usage_hourly WHERE {hours})", (first,)),
            ]
        )
        return done[1]
    gone = (
        f"DELETE FROM usage_hourly WHERE ctid = ANY(ARRAY(SELECT ctid FROM usage_hourly WHERE {hours} FOR UPDATE)) RETURNING *"
    )
    rows = await db.fetch(f"WITH gone AS ({gone}), folded AS ({into} FROM gone {conflict}) SELECT count(*) FROM gone", first)
    return int(rows[0][0])


async def _within_before(db: Database, day: date, there: set[str]) -> bool:
    """Is the day one of those that were written before there were partitions?"""
    if partitions.BEFORE not in there:
        return False
    bound = "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE oid = $1::text::regclass"
    ((text,),) = await db.fetch(bound, partitions.BEFORE)
    return partitions.first_id(day) < text.rpartition("TO ('")[2].partition("'")[0]
