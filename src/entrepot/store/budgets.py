"""Budgets in the database: the bucket of the period that runs is made by the first look-up in it (docs/decisions/0012).

All times are the database's. A call that straddles the end of a period settles in the bucket in which it was held.
"""
# ruff: noqa: S608  # all parts are constants of this file and of the store

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from entrepot.core.call import Period
from entrepot.store.contract import Database, Guard, GuardError, Statement
from entrepot.store.feed import now_us

MICRO: Final = 1_000_000
NEVER: Final = 1 << 62
"""The end of a period that has none."""
COLUMNS: Final = (
    "g.scope, g.period, g.amount, coalesce(g.bucket_id, 0), "
    f"CASE WHEN c.id IS NULL THEN 0 ELSE coalesce(c.ends_at, {NEVER}) END"
)
"""What `Budget` is made of, where `g` are budgets and `c` their buckets (LEFT JOIN)."""


class Budget(NamedTuple):
    """A row of `budgets`, and when its bucket has served."""

    scope: str
    period: Period
    amount: int
    """nano-USD."""
    bucket: int
    """0 where nobody has called yet."""
    ends_at: int
    """Microseconds since 1970; 0 where there is no bucket (any more), NEVER for `total`."""


class Span(NamedTuple):
    """One period of the UTC calendar; weeks begin on Monday."""

    start: str
    """Its first day, as YYYY-MM-DD; `ever` for `total`."""
    ends_at: int
    """Microseconds since 1970, or NEVER."""


def user_scope(user_id: int) -> str:
    """All keys of a user together."""
    return f"user:{user_id}"


def key_scope(key_id: int) -> str:
    """One key."""
    return f"key:{key_id}"


def span(period: Period, now: int) -> Span:
    """The period that holds `now`, in microseconds since 1970."""
    if period == "total":
        return Span("ever", NEVER)
    day = datetime.fromtimestamp(now // MICRO, UTC).replace(hour=0, minute=0, second=0)
    if period == "day":
        start, end = day, day + timedelta(days=1)
    elif period == "week":
        start = day - timedelta(days=day.weekday())
        end = start + timedelta(days=7)
    else:
        start = day.replace(day=1)
        end = (start + timedelta(days=31)).replace(day=1)
    return Span(start.strftime("%Y-%m-%d"), int(end.timestamp()) * MICRO)


async def renew(db: Database, budget: Budget, now: int) -> None:
    """Make the bucket of the period that holds `now`; does nothing where another look-up was first. Raises StoreAwayError."""
    fresh = span(budget.period, now)
    ref = f"budget:{budget.scope}:{budget.period}:{fresh.start}"
    place = (budget.scope, budget.period)
    # Whoever changes the amount locks this row, too: a bucket is never made of an amount that has just been changed.
    lock = " FOR UPDATE" if db.dialect == "postgresql" else ""
    try:
        await db.change(
            [
                Guard(
                    f"SELECT amount FROM budgets WHERE scope = $1 AND period = $2 AND coalesce(bucket_id, 0) = $3{lock}",
                    (*place, budget.bucket),
                ),
                Statement(
                    "INSERT INTO buckets (kind, ref, remaining, cap, created_at, ends_at) "
                    f"SELECT 'budget', CAST($3 AS TEXT), amount, amount, {now_us(db.dialect)}, "
                    f"nullif(CAST($4 AS BIGINT), {NEVER}) FROM budgets "
                    "WHERE scope = $1 AND period = $2 ON CONFLICT (ref) DO NOTHING",
                    (*place, ref, fresh.ends_at),
                ),
                Statement(
                    "UPDATE budgets SET bucket_id = (SELECT id FROM buckets WHERE ref = $3) WHERE scope = $1 AND period = $2",
                    (*place, ref),
                ),
            ]
        )
    except GuardError:
        return
