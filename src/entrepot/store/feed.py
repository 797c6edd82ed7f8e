"""The change feed as raw SQL: what changed, in an order that loses nothing.

A number is taken by updating the one row of `feed_head` inside the writing transaction:
the row lock is held until commit, so numbers become visible in their order. A sequence
would let a later number commit first, and a reader that asks for `v > last` would miss
the earlier one.
"""

from collections.abc import Sequence
from typing import NamedTuple

from entrepot.store.contract import Database, Dialect, Statement

SNAPSHOT = "snapshot"
"""Groups, channels, models, prices or settings changed."""
KEY = "key"
"""One key changed; `ref` is its SHA-256."""
VENDOR_KEY = "vendor_key"
"""A vendor key rests or is well again; `ref` is empty, or the id of a channel whose state the operator has reset."""
CHANNEL = "entrepot_feed"
"""The NOTIFY channel on PostgreSQL."""

# The database's clock: nodes need not agree on the time. `julianday` because older SQLite has no unixepoch('subsec').
_NOW: dict[Dialect, str] = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}
_KEEP_US = 3_600_000_000
_KEEP_ROWS = 1000

TAKE = "UPDATE feed_head SET v = v + 1 WHERE id = 1"


class Event(NamedTuple):
    """One change."""

    v: int
    kind: str
    ref: str


class Page(NamedTuple):
    """What is new. `gap` is true where events are missing that the reader has not seen."""

    head: int
    events: Sequence[Event]
    gap: bool


def now_us(dialect: Dialect) -> str:
    """SQL for the database's time in microseconds since 1970 UTC."""
    return _NOW[dialect]


def trim_sql(dialect: Dialect) -> str:
    """Forget what every living reader has seen: an hour old, and not among the last thousand."""
    return (
        f"DELETE FROM feed WHERE v <= (SELECT v FROM feed_head WHERE id = 1) - {_KEEP_ROWS} "  # noqa: S608  # constants
        f"AND at < {_NOW[dialect]} - {_KEEP_US}"
    )


def announcement(dialect: Dialect, kind: str, ref: str = "") -> list[Statement]:
    """Statements that publish a change from a raw transaction. Put them last: they serialise writers."""
    insert = f"INSERT INTO feed (v, kind, ref, at) SELECT v, $1, $2, {_NOW[dialect]} FROM feed_head WHERE id = 1"  # noqa: S608
    statements = [Statement(TAKE), Statement(insert, (kind, ref)), Statement(trim_sql(dialect))]
    if dialect == "postgresql":
        statements.append(Statement("SELECT pg_notify($1, '')", (CHANNEL,)))
    return statements


async def events_after(db: Database, last: int) -> Page:
    """What came after number `last`, and whether something is missing. Raises StoreAwayError."""
    rows = await db.fetch(
        "SELECT h.v, f.v, f.kind, f.ref FROM feed_head h LEFT JOIN feed f ON f.v > $1 WHERE h.id = 1 ORDER BY f.v", last
    )
    head = rows[0][0] if rows else 0
    events = [Event(*row[1:]) for row in rows if row[1] is not None]
    # Trimmed, or the database was restored from a backup and counts from an earlier number.
    whole = head == last + len(events) and (not events or events[0].v == last + 1)
    return Page(head, events, not whole)
