"""Proves the invariants I1 to I5 of docs/decisions/0005 in one snapshot of the database."""
# ruff: noqa: S608  # all parts are constants of this file

from dataclasses import dataclass, field
from typing import Final

from entrepot.buckets.plan import HOUR_US
from entrepot.store.contract import Database, Row, Statement

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
    """Sum of usage rows."""
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


_SUMS = """
SELECT (SELECT count(*) FROM buckets WHERE kind = 'wallet'),
 (SELECT CAST(coalesce(sum(remaining), 0) AS BIGINT) FROM buckets WHERE kind IN ('wallet', 'house')),
 (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l JOIN buckets b ON b.id = l.bucket_id
  WHERE b.kind IN ('wallet', 'house')),
 (SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM ledger),
 (SELECT CAST(coalesce(sum(charge), 0) AS BIGINT) FROM usage WHERE journal IS NOT NULL),
 (SELECT CAST(coalesce(-sum(amount), 0) AS BIGINT) FROM ledger WHERE kind = 'usage'),
 (SELECT CAST(coalesce(-sum(amount), 0) AS BIGINT) FROM ledger WHERE kind = 'shortfall'),
 (SELECT count(*) FROM journals WHERE state = 'open')
"""

_CHECKS = (
    (
        "I1 bucket {0} ({1}) is below zero: {2}",
        "SELECT id, ref, remaining FROM buckets WHERE (remaining < 0 AND kind <> 'house') OR lack < 0",
    ),
    (
        "I2 {1} (bucket {0}): ledger {3} is not remaining and leased {2}",
        """SELECT * FROM (SELECT b.id AS id, b.ref AS ref,
         b.remaining
          + (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l WHERE l.bucket_id = b.id) AS have,
         (SELECT CAST(coalesce(sum(e.amount), 0) AS BIGINT) FROM ledger e WHERE e.bucket_id = b.id) AS owed
         FROM buckets b WHERE b.kind IN ('wallet', 'house')) AS sums WHERE have <> owed""",
    ),
    (
        "I2 {1} (bucket {0}) is a cap and has ledger rows",
        """SELECT b.id, b.ref FROM buckets b WHERE b.kind NOT IN ('wallet', 'house')
         AND EXISTS (SELECT 1 FROM ledger e WHERE e.bucket_id = b.id)""",
    ),
    (
        "I3 journal {0}: {1} records settled, {2} usage rows",
        """SELECT journal, sum(settled), sum(found) FROM (
         SELECT id AS journal, settled, 0 AS found FROM journals
         UNION ALL SELECT journal, 0, count(*) FROM usage WHERE journal IS NOT NULL GROUP BY journal) AS both_sides
         GROUP BY journal HAVING sum(settled) <> sum(found)""",
    ),
    (
        "I3 journal {0}: record at {1} is parked: {2}",
        "SELECT journal_id, position, error FROM journal_rejects ORDER BY journal_id, position",
    ),
    (
        "I4 wallet {0}, hour {1}: usage rows {2}, postings {3}",
        f"""SELECT max(wallet), max(hour), sum(charged), sum(posted) FROM (
         SELECT wallet_id AS wallet, CAST(arrived_at / {HOUR_US} AS BIGINT) AS hour, charge AS charged, 0 AS posted,
          'usage:' || wallet_id || ':' || CAST(arrived_at / {HOUR_US} AS BIGINT) AS reference
          FROM usage WHERE journal IS NOT NULL AND charge <> 0
         UNION ALL SELECT bucket_id, -1, 0, -amount, reference FROM ledger WHERE kind = 'usage') AS both_sides
         GROUP BY reference HAVING sum(charged) <> sum(posted)""",
    ),
    (
        "I4 shortfall of {0}: usage row {1}, ledger {2}",
        """SELECT reference, sum(short), sum(paid) FROM (
         SELECT 'shortfall:' || id AS reference, shortfall AS short, 0 AS paid
          FROM usage WHERE journal IS NOT NULL AND shortfall <> 0
         UNION ALL SELECT reference, 0, -amount FROM ledger WHERE kind = 'shortfall') AS both_sides
         GROUP BY reference HAVING sum(short) <> sum(paid)""",
    ),
    (
        "I4 hour {0}: usage rows {1}, rollup {2}",
        f"""SELECT hour, sum(charged), sum(rolled) FROM (
         SELECT CAST(arrived_at / {HOUR_US} AS BIGINT) AS hour, charge + shortfall AS charged, 0 AS rolled
          FROM usage WHERE journal IS NOT NULL
         UNION ALL SELECT hour, 0, charge + shortfall FROM usage_hourly) AS both_sides
         GROUP BY hour HAVING sum(charged) <> sum(rolled)""",
    ),
    (
        "I5 bucket {0}, incarnation {1}: spent {2} of {3}",
        "SELECT bucket_id, incarnation_id, spent, granted FROM leases WHERE spent > granted OR spent < 0",
    ),
    (
        "I5 incarnation {0} is retired and has leases",
        "SELECT DISTINCT i.id FROM incarnations i JOIN leases l ON l.incarnation_id = i.id WHERE i.state = 'retired'",
    ),
)


async def verify(db: Database) -> Report:
    """Check every sum in one snapshot; workers may go on meanwhile. Raises StoreAwayError."""
    checks = [Statement(f"{sql} LIMIT {LIMIT}") for _, sql in _CHECKS]
    sums, *found = await db.read([Statement(_SUMS), *checks])
    findings = [text.format(*row) for (text, _), rows in zip(_CHECKS, found, strict=True) for row in rows]
    return Report(*_integers(sums[0]), findings=tuple(findings))


def _integers(row: Row) -> list[int]:
    return [int(value) for value in row]
