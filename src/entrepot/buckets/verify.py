"""Proves the invariants I1 to I5 of docs/decisions/0005 in one snapshot of the database."""
# ruff: noqa: S608  # all parts are constants of this file

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from entrepot.buckets.plan import HOUR_US
from entrepot.kit.clock import iso
from entrepot.store.contract import Database, Dialect, Row, Statement

LIMIT: Final = 100
"""Findings of one kind that are named."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; amounts in nano-USD."""

    wallets: int
    remaining: int
    """Of wallets and house."""
    outstanding: int
    """Leased and not spent, of wallets and house."""
    ledger: int
    charged: int
    """Sum of usage rows, and of the totals of those that were deleted."""
    posted: int
    """Sum of usage postings, as a positive amount."""
    shortfall: int
    """Paid by the house."""
    open_journals: int
    findings: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Every sum holds."""
        return not self.findings


class _Check(NamedTuple):
    """A query that finds what does not hold, and the words for one row of it."""

    text: str
    sql: str
    hour: int = -1
    """The column, if any, that counts hours since 1970 UTC."""


_HOUR = f"CAST(arrived_at / {HOUR_US} AS BIGINT)"
# Of a day whose usage rows are deleted, only the day's totals are left to compare.
_SLOT = "CASE WHEN hour / 24 IN (SELECT day FROM usage_seals) THEN hour / 24 * 24 ELSE hour END"
_POSTED: Final[dict[Dialect, str]] = {
    # The hour that a posting's reference names; -1 where it names another wallet or none.
    "sqlite": "CASE WHEN reference LIKE 'usage:' || bucket_id || ':%' "
    "THEN CAST(substr(reference, length('usage:' || bucket_id || ':') + 1) AS BIGINT) ELSE -1 END",
    "postgresql": "CASE WHEN reference ~ ('^usage:' || bucket_id || ':[0-9]{1,12}$') "
    "THEN CAST(split_part(reference, ':', 3) AS BIGINT) ELSE -1 END",
}

_SUMS = """
SELECT (SELECT count(*) FROM buckets WHERE kind = 'wallet'),
 (SELECT CAST(coalesce(sum(remaining), 0) AS BIGINT) FROM buckets WHERE kind IN ('wallet', 'house')),
 (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l JOIN buckets b ON b.id = l.bucket_id
  WHERE b.kind IN ('wallet', 'house')),
 (SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM ledger),
 (SELECT CAST(coalesce(sum(charge), 0) AS BIGINT) FROM usage WHERE journal IS NOT NULL)
  + (SELECT CAST(coalesce(sum(charge), 0) AS BIGINT) FROM usage_seals),
 (SELECT CAST(coalesce(-sum(amount), 0) AS BIGINT) FROM ledger WHERE kind = 'usage'),
 (SELECT CAST(coalesce(-sum(amount), 0) AS BIGINT) FROM ledger WHERE kind = 'shortfall'),
 (SELECT count(*) FROM journals WHERE state = 'open')
"""

_CHECKS = (
    _Check(
        "I1 bucket {0} ({1}) is below zero: {2}",
        "SELECT id, ref, remaining FROM buckets WHERE (remaining < 0 AND kind <> 'house') OR lack < 0",
    ),
    _Check(
        "I1 {1} (bucket {0}) has more left than its cap of {2}: {3}",
        """SELECT * FROM (SELECT b.id AS id, b.ref AS ref, b.cap AS cap, b.remaining - b.lack
          + (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l WHERE l.bucket_id = b.id) AS have
         FROM buckets b WHERE b.cap IS NOT NULL) AS caps WHERE have > cap""",
    ),
    _Check(
        "I2 {1} (bucket {0}): ledger {3} is not remaining and leased {2}",
        """SELECT * FROM (SELECT b.id AS id, b.ref AS ref,
         b.remaining
          + (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l WHERE l.bucket_id = b.id) AS have,
         (SELECT CAST(coalesce(sum(e.amount), 0) AS BIGINT) FROM ledger e WHERE e.bucket_id = b.id) AS owed
         FROM buckets b WHERE b.kind IN ('wallet', 'house')) AS sums WHERE have <> owed""",
    ),
    _Check(
        "I2 {1} (bucket {0}) is a cap and has ledger rows",
        """SELECT b.id, b.ref FROM buckets b WHERE b.kind NOT IN ('wallet', 'house')
         AND EXISTS (SELECT 1 FROM ledger e WHERE e.bucket_id = b.id)""",
    ),
    _Check(
        "I3 journal {0}: {1} records settled, {2} usage rows",
        """SELECT journal, sum(settled), sum(found) FROM (
         SELECT id AS journal, settled, sealed AS found FROM journals
         UNION ALL SELECT journal, 0, count(*) FROM usage WHERE journal IS NOT NULL GROUP BY journal) AS both_sides
         GROUP BY journal HAVING sum(settled) <> sum(found)""",
    ),
    _Check(
        "I3 journal {0}: record at {1} is parked: {2}",
        "SELECT journal_id, position, error FROM journal_rejects ORDER BY journal_id, position",
    ),
    _Check(
        "I4 wallet {0}, {1}: usage rows {2}, postings {3}",
        f"""SELECT wallet, {_SLOT}, sum(charged), sum(posted) FROM (
         SELECT wallet_id AS wallet, {_HOUR} AS hour, charge AS charged, 0 AS posted
          FROM usage WHERE journal IS NOT NULL AND charge <> 0
         UNION ALL SELECT wallet_id, day * 24, charge, 0 FROM usage_seals WHERE charge <> 0
         UNION ALL SELECT bucket_id, {{posted}}, 0, -amount FROM ledger WHERE kind = 'usage') AS both_sides
         GROUP BY 1, 2 HAVING sum(charged) <> sum(posted)""",
        hour=1,
    ),
    _Check(
        "I4 shortfall of {0}: usage rows {1}, ledger {2}",
        """SELECT CASE WHEN substr(request, 5, 8) IN (SELECT part FROM usage_seals) THEN substr(request, 5, 8) ELSE request END,
          sum(short), sum(paid) FROM (
         SELECT id AS request, shortfall AS short, 0 AS paid FROM usage WHERE journal IS NOT NULL AND shortfall <> 0
         UNION ALL SELECT 'req_' || part, shortfall, 0 FROM usage_seals WHERE shortfall <> 0
         UNION ALL SELECT substr(reference, 11), 0, -amount FROM ledger WHERE kind = 'shortfall') AS both_sides
         GROUP BY 1 HAVING sum(short) <> sum(paid)""",
    ),
    _Check(
        "I4 {0}: usage rows {1}, rollup {2}",
        f"""SELECT {_SLOT}, sum(charged), sum(rolled) FROM (
         SELECT {_HOUR} AS hour, charge + shortfall AS charged, 0 AS rolled FROM usage WHERE journal IS NOT NULL
         UNION ALL SELECT day * 24, charge + shortfall, 0 FROM usage_seals
         UNION ALL SELECT hour, 0, charge + shortfall FROM usage_hourly) AS both_sides
         GROUP BY 1 HAVING sum(charged) <> sum(rolled)""",
        hour=0,
    ),
    _Check(
        "I5 bucket {0}, incarnation {1}: spent {2} of {3}",
        "SELECT bucket_id, incarnation_id, spent, granted FROM leases WHERE spent > granted OR spent < 0",
    ),
    _Check(
        "I5 incarnation {0} is retired and has leases",
        "SELECT DISTINCT i.id FROM incarnations i JOIN leases l ON l.incarnation_id = i.id WHERE i.state = 'retired'",
    ),
)


async def verify(db: Database) -> Report:
    """Check every sum in one snapshot; workers may go on meanwhile. Raises StoreAwayError."""
    posted = _POSTED[db.dialect]
    checks = [Statement(f"{check.sql.replace('{posted}', posted)} LIMIT {LIMIT}") for check in _CHECKS]
    sums, *found = await db.read([Statement(_SUMS), *checks])
    findings = [_said(check, row) for check, rows in zip(_CHECKS, found, strict=True) for row in rows]
    return Report(*_integers(sums[0]), findings=tuple(findings))


def _said(check: _Check, row: Row) -> str:
    values = list(row)
    if check.hour >= 0:
        # A sealed day is compared as a whole, under its first hour.
        values[check.hour] = f"hour {values[check.hour]} (from {iso(values[check.hour] * 3600)})"
    return check.text.format(*values)


def _integers(row: Row) -> list[int]:
    return [int(value) for value in row]
