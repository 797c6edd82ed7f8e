"""Budgets as control sees them: what a user's keys together, or one key, may spend in a period (docs/decisions/0012).

A budget is a bucket a period, made by the first call in it. Raising or lowering one keeps what was spent in the period
that runs; lifting one forgets it.
"""

from collections.abc import Sequence
from typing import Any, get_args

from sqlalchemy import BigInteger, func, literal_column, select
from sqlalchemy.engine import RowMapping

from entrepot.buckets import accounts
from entrepot.control.fields import MICRO, Spec, UnlessUnlimited, Usd, View
from entrepot.control.services import Transaction
from entrepot.core.call import Period
from entrepot.core.money import format_usd, parse_usd
from entrepot.kit.clock import iso
from entrepot.store.budgets import NEVER, span
from entrepot.store.budgets import key_scope as key_scope
from entrepot.store.budgets import user_scope as user_scope
from entrepot.store.feed import now_us
from entrepot.store.schema import buckets, budgets, leases

PERIODS: tuple[Period, ...] = get_args(Period)


class BudgetTable(Spec):
    """What may be spent in a period of the UTC calendar, in USD. What is left out stays; null or `"unlimited"` lifts."""

    day: UnlessUnlimited[Usd] = None
    week: UnlessUnlimited[Usd] = None
    """From Monday on."""
    month: UnlessUnlimited[Usd] = None
    total: UnlessUnlimited[Usd] = None
    """In all: it does not renew."""


class BudgetView(View):
    """A budget, and the period that runs. USD."""

    period: str
    limit: str
    spent: str
    """May be above the limit, where that was lowered; workers hold a slice of what is left, which does not count."""
    remaining: str
    renews_at: str | None
    """When the next period begins; null where there is none."""


async def change(tx: Transaction, scope: str, said: BudgetTable | None) -> bool:
    """Set and lift what was said, all where that is None; False where nothing changed."""
    if said is None:
        said = BudgetTable.model_validate(dict.fromkeys(PERIODS))
    changed = [await _set(tx, scope, period, getattr(said, period)) for period in PERIODS if period in said.model_fields_set]
    return any(changed)


async def read(tx: Transaction, scopes: Sequence[str]) -> dict[str, list[BudgetView]]:
    """The budgets of each scope, those of short periods first."""
    leased: Any = func.coalesce(func.sum(leases.c.granted - leases.c.spent), 0)
    outstanding = select(leased).where(leases.c.bucket_id == buckets.c.id).scalar_subquery()
    free = (buckets.c.remaining - buckets.c.lack + outstanding).label("free")
    now = literal_column(now_us(tx.raw.dialect), BigInteger).label("now")
    joined = budgets.outerjoin(buckets, buckets.c.id == budgets.c.bucket_id)
    query = select(budgets, buckets.c.id, buckets.c.ends_at, free, now).select_from(joined)
    found: dict[str, list[BudgetView]] = {scope: [] for scope in scopes}
    rows = await tx.rows(query.where(budgets.c.scope.in_(list(scopes))))
    for row in sorted(rows, key=lambda row: PERIODS.index(row["period"])):
        found[row["scope"]].append(_view(row))
    return found


async def _set(tx: Transaction, scope: str, period: Period, usd: str | None) -> bool:
    raw, nano = tx.raw, None if usd is None else parse_usd(usd)
    if nano is None:
        gone = await raw.fetch("DELETE FROM budgets WHERE scope = $1 AND period = $2 RETURNING bucket_id", scope, period)
        for (bucket,) in gone:
            await accounts.lift_cap(raw, bucket or 0)
        changed = bool(gone)
    else:
        # Locks the row: no look-up makes a bucket of the amount before.
        update = "UPDATE budgets SET amount = $3 WHERE scope = $1 AND period = $2 AND amount <> $3 RETURNING bucket_id"
        other = await raw.fetch(update, scope, period, nano)
        for (bucket,) in other:
            if await raw.fetch("SELECT id FROM buckets WHERE id = $1", bucket or 0):
                await accounts.set_cap(raw, bucket, nano)
        insert = "INSERT INTO budgets (scope, period, amount) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
        changed = bool(other) or await raw.execute(insert, scope, period, nano) > 0
    tx.writes += changed
    return changed


def _view(row: RowMapping) -> BudgetView:
    amount, now = row["amount"], int(row["now"])
    ends = None if row["id"] is None else row["ends_at"] or NEVER
    runs = ends is not None and ends > now
    ends = ends if ends is not None and runs else span(row["period"], now).ends_at
    free = int(row["free"]) if runs else amount
    return BudgetView(
        period=row["period"],
        limit=format_usd(amount),
        spent=format_usd(amount - free),
        remaining=format_usd(max(free, 0)),
        renews_at=None if ends == NEVER else iso(ends / MICRO),
    )
