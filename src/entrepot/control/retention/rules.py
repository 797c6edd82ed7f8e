"""How long rows are kept: one rule a kind of row, each with a setting in days. What has no rule here is
bounded by its own writers, or is the books; docs/operations.md lists every table."""
# ruff: noqa: S608  # all parts are constants of this file

from collections.abc import Mapping
from typing import Final, NamedTuple

from entrepot.store.contract import Database, Dialect, Statement
from entrepot.store.feed import SNAPSHOT, announcement, now_us


class Rule(NamedTuple):
    """One kind of row."""

    name: str
    days: int
    """By default; 0 keeps for ever."""
    meaning: str

    @property
    def setting(self) -> str:
        """Its name among the settings in the database."""
        return f"retain_{self.name}"


USAGE: Final = Rule("usage", 90, "Days that single calls are kept, with their receipts; their sums stay.")
HOURS: Final = Rule("hours", 400, "Days after which sums by the hour become sums by the day.")
WORKERS: Final = Rule("workers", 30, "Days that workers and journals are remembered after their end.")
REJECTS: Final = Rule("rejects", 400, "Days that journal records which the database refused wait for somebody to look at them.")
QUOTAS: Final = Rule("quotas", 30, "Days that quotas are kept which were lifted, or whose key was deleted.")
BUDGETS: Final = Rule("budgets", 7, "Days that a budget's bucket is kept after its period has ended.")
PRICES: Final = Rule("prices", 400, "Days that a price is kept after a later one took its place.")
RULES: Final = (USAGE, HOURS, WORKERS, REJECTS, QUOTAS, BUDGETS, PRICES)

MOST_DAYS: Final = 36_500
LEAST_DAYS: Final = 2
"""Calls of today and yesterday are still being written."""


class Deletion(NamedTuple):
    """A table whose old rows simply go."""

    rule: Rule
    table: str
    key: str
    where: str
    """`$1` is the horizon in microseconds since 1970 UTC."""
    announced: bool = False
    """Workers have read these rows: they must learn that they are gone."""


_NOT_LEASED: Final = "NOT EXISTS (SELECT 1 FROM leases l WHERE l.bucket_id = buckets.id)"
DELETIONS: Final = (
    # Closed, and all of its usage rows sealed: what is left proves nothing that the sums do not prove without it.
    Deletion(WORKERS, "journals", "id", "state = 'closed' AND settled = sealed AND updated_at < $1"),
    Deletion(
        WORKERS,
        "incarnations",
        "id",
        "state = 'retired' AND seen_at < $1 AND NOT EXISTS (SELECT 1 FROM journals j WHERE j.incarnation_id = incarnations.id) "
        "AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.incarnation_id = incarnations.id)",
    ),
    Deletion(
        WORKERS,
        "recalls",
        "incarnation_id, bucket_id",
        "at < $1 AND incarnation_id NOT IN (SELECT id FROM incarnations WHERE state = 'live')",
    ),
    Deletion(REJECTS, "journal_rejects", "journal_id, position", "at < $1"),
    Deletion(
        QUOTAS,
        "buckets",
        "id",
        f"kind = 'quota' AND coalesce(ends_at, created_at) < $1 AND {_NOT_LEASED} AND "
        "(ref LIKE 'quota:key:%:lifted:%' OR ref IN (SELECT 'quota:key:' || k.id FROM keys k WHERE k.status = 'deleted'))",
    ),
    Deletion(
        BUDGETS,
        "buckets",
        "id",
        f"kind = 'budget' AND ends_at < $1 AND {_NOT_LEASED}",
    ),
    Deletion(
        PRICES,
        "prices",
        "id",
        "EXISTS (SELECT 1 FROM prices later WHERE later.model_id = prices.model_id AND later.kind = prices.kind "
        "AND later.conditions = prices.conditions AND later.valid_from < $1 "
        "AND (later.valid_from > prices.valid_from OR (later.valid_from = prices.valid_from AND later.id > prices.id)))",
        announced=True,
    ),
)
BATCH: Final = 1000


async def count(db: Database, deletion: Deletion, horizon: int) -> int:
    """Rows that would go. Raises StoreAwayError."""
    ((found,),) = await db.fetch(f"SELECT count(*) FROM {deletion.table} WHERE {deletion.where}", horizon)
    return int(found)


async def delete_some(db: Database, deletion: Deletion, horizon: int) -> int:
    """Delete up to BATCH rows in one transaction; gives how many. Raises StoreAwayError, ConflictError."""
    key, table = deletion.key, deletion.table
    chosen = f"({key}) IN (SELECT {key} FROM {table} WHERE {deletion.where} LIMIT {BATCH})"
    steps = [Statement(f"DELETE FROM {table} WHERE {chosen}", (horizon,))]
    if deletion.announced:
        steps += announcement(db.dialect, SNAPSHOT)
    return (await db.transaction(steps))[0]


def days_of(values: Mapping[str, str]) -> dict[Rule, int]:
    """Days by rule, from the settings as they stand in the database; what cannot be read has its default."""
    found: dict[Rule, int] = {}
    for rule in RULES:
        text = values.get(rule.setting, "")
        found[rule] = int(text) if is_days(text) else rule.days
    return found


def is_days(text: str) -> bool:
    """Is it a number of days that may be set?"""
    return text.isascii() and text.isdecimal() and len(text) <= 5 and (int(text) == 0 or LEAST_DAYS <= int(text) <= MOST_DAYS)


def horizon_sql(dialect: Dialect) -> str:
    """The database's time: nodes need not agree on it."""
    return f"SELECT {now_us(dialect)}"
