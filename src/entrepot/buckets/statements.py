"""The SQL of money, for both databases. Constants and values only: nothing of a caller is ever put into the text."""
# ruff: noqa: S608  # all parts are constants of this file

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from entrepot.buckets.lease import GRANT_AMOUNT
from entrepot.buckets.plan import COLUMNS, HOUSE, SUMS, Plan
from entrepot.buckets.rows import Line
from entrepot.store.contract import Dialect, Guard, GuardMany, Many, Rows, Statement, Step
from entrepot.store.feed import now_us

SILENT_US: Final = 15 * 60 * 1_000_000
"""An incarnation without a turn for so long (on the database's clock) may be retired by others."""


class Grant(NamedTuple):
    """A wish for one bucket, as `GRANT_AMOUNT` reads it. Amounts in nano-USD."""

    bucket: int
    least: int
    """Less than this is of no use."""
    total: int
    """What all that wait want together."""
    target: int
    """What to take where the bucket is rich."""
    thin: int
    """Where a worker's share is less than this, exactly `total` is taken."""


class LeaseChange(NamedTuple):
    """What happens to one lease row in a round."""

    bucket: int
    spent: int
    returned: int
    forget: bool
    """Delete the row if nothing is left in it."""


def take_turn(dialect: Dialect, incarnation: int, turn: int) -> Guard:
    """Heartbeat, fence and idempotency key of a worker's transaction."""
    return Guard(
        f"UPDATE incarnations SET turn = turn + 1, seen_at = {now_us(dialect)} "
        "WHERE id = $1 AND turn = $2 AND state = 'live' RETURNING turn",
        (incarnation, turn),
    )


def force_turn(dialect: Dialect, incarnation: int) -> Guard:
    """The next turn, whatever the last one was: waits for a transaction of ours that may still run."""
    return Guard(
        f"UPDATE incarnations SET turn = turn + 1, seen_at = {now_us(dialect)} WHERE id = $1 AND state = 'live' RETURNING turn",
        (incarnation,),
    )


def begin_incarnation(dialect: Dialect, node: str) -> Guard:
    """A new life."""
    now = now_us(dialect)
    return Guard(f"INSERT INTO incarnations (node, started_at, seen_at) VALUES ($1, {now}, {now}) RETURNING id", (node,))


def begin_journal(dialect: Dialect, journal: str, incarnation: int) -> Guard:
    """Register a journal."""
    return Guard(
        f"INSERT INTO journals (id, incarnation_id, updated_at) VALUES ($1, $2, {now_us(dialect)}) RETURNING id",
        (journal, incarnation),
    )


def take_journal(dialect: Dialect, journal: str, incarnation: int) -> Guard:
    """A new incarnation goes on with a journal whose incarnation was retired."""
    return Guard(
        f"UPDATE journals SET incarnation_id = $1, updated_at = {now_us(dialect)} "
        "WHERE id = $2 AND state = 'open' RETURNING id",
        (incarnation, journal),
    )


def read_journal(journal: str) -> Statement:
    """(incarnation, applied, floor, state)."""
    return Statement("SELECT incarnation_id, applied, floor, state FROM journals WHERE id = $1", (journal,))


def read_leases(incarnation: int) -> Statement:
    """(bucket, granted, spent) of each."""
    return Statement("SELECT bucket_id, granted, spent FROM leases WHERE incarnation_id = $1", (incarnation,))


def read_recalls(incarnation: int) -> Statement:
    """Buckets that others ask us to give back."""
    return Statement("SELECT bucket_id FROM recalls WHERE incarnation_id = $1", (incarnation,))


def count_live(dialect: Dialect) -> Statement:
    """Workers that share the buckets."""
    return Statement(f"SELECT count(*) FROM incarnations WHERE state = 'live' AND seen_at > {now_us(dialect)} - {SILENT_US}")


def lock_buckets(dialect: Dialect, buckets: Sequence[int]) -> list[Step]:
    """Lock rows in the order of their ids, so that no two transactions wait for each other.

    SQLite has one writer anyhow. NO KEY UPDATE leaves foreign keys (ledger, leases) in peace.
    """
    if dialect == "sqlite" or not buckets:
        return []
    return [
        Statement("SELECT id FROM buckets WHERE id = ANY($1::bigint[]) ORDER BY id FOR NO KEY UPDATE", (sorted(set(buckets)),))
    ]


def move_journal(dialect: Dialect, journal: str, span: tuple[int, int], counts: tuple[int, int, int]) -> Guard:
    """Move `applied` over `span`; `counts` are floor, settled and rejected records. No row: applied already, or not ours."""
    return Guard(
        "UPDATE journals SET applied = $1, floor = $2, settled = settled + $3, rejected = rejected + $4, "
        f"updated_at = {now_us(dialect)} WHERE id = $5 AND applied = $6 AND state = 'open' RETURNING applied",
        (span[1], *counts, journal, span[0]),
    )


_TYPES: Final = (
    *("bigint" if field.type in (int, int | None) else "text" for field in msgspec.structs.fields(Line)),
    *("bigint", "bigint", "bigint", "bigint", "text"),
)
_GIVE_WAY: Final = (
    f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in COLUMNS if name != 'id')} "
    "WHERE usage.journal IS NULL"
)
"""A row without a journal was written by an observer and gives way; a second charge of one call is not written."""

_ADD_HOUR: Final = (
    f"INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, {', '.join(SUMS)}) "
    f"VALUES ({', '.join(f'${n}' for n in range(1, len(SUMS) + 7))}) "
    "ON CONFLICT (hour, user_id, key_id, group_name, model, channel_id) DO UPDATE SET "
    + ", ".join(f"{name} = usage_hourly.{name} + excluded.{name}" for name in SUMS)
)


def write_plan(dialect: Dialect, plan: Plan) -> list[Step]:
    """Usage, ledger and rollups of a batch; leases and the house account follow in `change_leases` and `pay_house`."""
    now = now_us(dialect)
    post = (
        f"INSERT INTO ledger (bucket_id, kind, amount, reference, at) VALUES ($1, 'usage', $2, $3, {now}) "
        "ON CONFLICT (reference) DO UPDATE SET amount = ledger.amount + excluded.amount"
    )
    short = f"INSERT INTO ledger (bucket_id, kind, amount, reference, at) VALUES ({HOUSE}, 'shortfall', $1, $2, {now})"
    return [
        Rows("usage", COLUMNS, _TYPES, _GIVE_WAY, plan),
        Many(
            post,
            _Later(lambda: [(wallet, -nano, f"usage:{wallet}:{h}") for (wallet, h), nano in sorted(plan.postings.items())]),
        ),
        Many(short, [(-nano, f"shortfall:{request}") for request, nano in plan.shortfalls]),
        Many(_ADD_HOUR, _Later(lambda: [(*key, *sums) for key, sums in sorted(plan.hours.items())])),
    ]


class _Later:
    """Rows that are known once the usage rows before them were made."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], list[tuple[Any, ...]]]) -> None:
        self._make = make

    def __len__(self) -> int:
        return len(self._make())

    def __iter__(self) -> Iterator[Sequence[Any]]:
        return iter(self._make())


def change_leases(incarnation: int, changes: Sequence[LeaseChange]) -> list[Step]:
    """Spend and give back. The rows are ours alone; each must be there."""
    ordered = sorted(changes)
    update = (
        "UPDATE leases SET spent = spent + $1, granted = granted - $2 "
        "WHERE bucket_id = $3 AND incarnation_id = $4 RETURNING bucket_id"
    )
    delete = "DELETE FROM leases WHERE bucket_id = $1 AND incarnation_id = $2 AND granted = spent"
    return [
        GuardMany(update, [(c.spent, c.returned, c.bucket, incarnation) for c in ordered if c.spent or c.returned]),
        Many(delete, [(c.bucket, incarnation) for c in ordered if c.forget]),
    ]


def answer_recalls(incarnation: int, buckets: Sequence[int]) -> Many:
    """We have given back what we could."""
    return Many("DELETE FROM recalls WHERE incarnation_id = $1 AND bucket_id = $2", [(incarnation, b) for b in sorted(buckets)])


def refill_buckets(changes: Sequence[LeaseChange]) -> GuardMany:
    """What leases gave back."""
    rows = [(change.returned, change.bucket) for change in sorted(changes) if change.returned]
    return GuardMany("UPDATE buckets SET remaining = remaining + $1 WHERE id = $2 RETURNING id", rows)


def pay_house(nano: int) -> list[Step]:
    """The house account pays."""
    return [Guard(f"UPDATE buckets SET remaining = remaining - $1 WHERE id = {HOUSE} RETURNING id", (nano,))] if nano else []


def _amount() -> str:
    names = {"total": "CAST($4 AS BIGINT)", "share": "CAST($5 AS BIGINT)", "thin": "CAST($6 AS BIGINT)"}
    return GRANT_AMOUNT.format(target="CAST($7 AS BIGINT)", **names)


_GRANT_LEASE: Final = (
    "INSERT INTO leases (bucket_id, incarnation_id, granted, spent) "
    f"SELECT id, CAST($2 AS BIGINT), {_amount()}, 0 FROM buckets "
    "WHERE id = $1 AND remaining - lack >= CAST($3 AS BIGINT) AND remaining > lack "
    "ON CONFLICT (bucket_id, incarnation_id) DO UPDATE SET granted = leases.granted + excluded.granted "
    "RETURNING bucket_id, granted"
)
# The same condition and the same amount, on a row that is locked since before: what the lease gains, the bucket loses.
_GRANT_BUCKET: Final = (
    f"UPDATE buckets SET remaining = remaining - ({_amount()}) "
    "WHERE id = $1 AND remaining - lack >= CAST($3 AS BIGINT) AND remaining > lack AND CAST($2 AS BIGINT) > 0 "
    "RETURNING id, remaining - lack, cap"  # not `cap IS NOT NULL`: SQLite 3.40 says true of a NULL there
)


def grant(incarnation: int, wishes: Sequence[Grant], share: int) -> list[Step]:
    """Lease what is wanted where it is there.

    The first step gives (bucket, granted in all), the second (bucket, still free, its cap).
    The buckets must be locked. A worker's share is what is free, divided by `share`.
    """
    rows = [(wish.bucket, incarnation, wish.least, wish.total, share, wish.thin, wish.target) for wish in sorted(wishes)]
    return [Many(_GRANT_LEASE, rows), Many(_GRANT_BUCKET, rows)]


_ASK: Final = (
    "INSERT INTO recalls (incarnation_id, bucket_id, at) SELECT l.incarnation_id, l.bucket_id, {now} FROM leases l "
    "JOIN incarnations i ON i.id = l.incarnation_id WHERE l.bucket_id = $1 AND l.incarnation_id <> $2 "
    "AND l.granted > l.spent AND i.state = 'live' ON CONFLICT DO NOTHING"
)
_SITUATION: Final = (
    "SELECT b.id, b.remaining - b.lack, "
    "(SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l WHERE l.bucket_id = b.id), "
    "(SELECT count(*) FROM recalls r WHERE r.bucket_id = b.id AND r.incarnation_id <> $2) FROM buckets b WHERE b.id = $1"
)


def ask_back(dialect: Dialect, incarnation: int, recalled: Sequence[int], short: Sequence[int]) -> list[Step]:
    """Ask others for `recalled` buckets; gives (bucket, free, leased by all, unanswered recalls) of `short` ones."""
    return [
        Many(_ASK.format(now=now_us(dialect)), [(bucket, incarnation) for bucket in sorted(recalled)]),
        Many(_SITUATION, [(bucket, incarnation) for bucket in sorted(short)]),
    ]


def park(dialect: Dialect, journal: str, position: int, record: bytes, error: str) -> Statement:
    """Keep a record that the database refuses."""
    return Statement(
        f"INSERT INTO journal_rejects (journal_id, position, record, error, at) VALUES ($1, $2, $3, $4, {now_us(dialect)})",
        (journal, position, record, error[:1000]),
    )


def return_leases(dialect: Dialect, incarnation: int) -> list[Step]:
    """All that an incarnation has not spent goes back to the buckets, and its rows go."""
    lock = "SELECT id FROM buckets WHERE id IN (SELECT bucket_id FROM leases WHERE incarnation_id = $1) ORDER BY id"
    locking: list[Step] = [] if dialect == "sqlite" else [Statement(f"{lock} FOR NO KEY UPDATE", (incarnation,))]
    return [
        *locking,
        Statement(
            "UPDATE buckets SET remaining = remaining + "
            "(SELECT l.granted - l.spent FROM leases l WHERE l.bucket_id = buckets.id AND l.incarnation_id = $1) "
            "WHERE id IN (SELECT bucket_id FROM leases WHERE incarnation_id = $1 AND granted > spent)",
            (incarnation,),
        ),
        Statement("DELETE FROM leases WHERE incarnation_id = $1", (incarnation,)),
        Statement("DELETE FROM recalls WHERE incarnation_id = $1", (incarnation,)),
    ]


def retire_own(incarnation: int, turn: int) -> Guard:
    """The end of our own incarnation."""
    return Guard(
        "UPDATE incarnations SET state = 'retired', turn = turn + 1 "
        "WHERE id = $1 AND turn = $2 AND state = 'live' RETURNING id",
        (incarnation, turn),
    )


def close_journal(dialect: Dialect, journal: str, end: int) -> Guard:
    """Nothing will follow; only where all is applied."""
    return Guard(
        f"UPDATE journals SET state = 'closed', updated_at = {now_us(dialect)} "
        "WHERE id = $1 AND applied >= $2 AND state = 'open' RETURNING id",
        (journal, end),
    )


def retire_silent(dialect: Dialect, incarnation: int, silent_us: int) -> Guard:
    """The end of another's incarnation, if it is still silent when we come to it."""
    return Guard(
        "UPDATE incarnations SET state = 'retired', turn = turn + 1 "
        f"WHERE id = $1 AND state = 'live' AND seen_at <= {now_us(dialect)} - CAST($2 AS BIGINT) RETURNING id",
        (incarnation, silent_us),
    )


def find_silent(dialect: Dialect, silent_us: int) -> tuple[str, Any]:
    """Incarnations that may be retired."""
    return (
        f"SELECT id FROM incarnations WHERE state = 'live' AND seen_at <= {now_us(dialect)} - CAST($1 AS BIGINT) ORDER BY id",
        silent_us,
    )
