"""Buckets as control and jobs see them: made, credited, charged at once, limited. One transaction each, no worker needed."""

from collections.abc import Sequence
from typing import NamedTuple

from entrepot.buckets.errors import InsufficientError
from entrepot.buckets.lease import Account
from entrepot.store.contract import ConflictError, Database, Dialect, Guard, GuardError, Statement, Step
from entrepot.store.feed import now_us


class Balance(NamedTuple):
    """nano-USD. Show `remaining + outstanding`, with `held` beside it."""

    remaining: int
    """Not leased."""
    outstanding: int
    """Leased and not spent, by all workers."""
    held: int
    """Reserved by calls that run on this worker."""
    cap: int | None
    """The limit of a quota or budget."""

    @property
    def total(self) -> int:
        """What is left."""
        return self.remaining + self.outstanding


def wallet_ref(user_id: int) -> str:
    """The `ref` of a user's wallet."""
    return f"wallet:user:{user_id}"


def quota_ref(key_id: int) -> str:
    """The `ref` of a key's quota."""
    return f"quota:key:{key_id}"


async def find(db: Database, refs: Sequence[str]) -> dict[str, int]:
    """Bucket ids by ref; absent where there is none. Raises StoreAwayError."""
    found = await db.read([Statement("SELECT ref, id FROM buckets WHERE ref = $1", (ref,)) for ref in refs])
    return {row[0]: row[1] for rows in found for row in rows}


async def open_bucket(db: Database, kind: str, ref: str, cap: int | None = None) -> int:
    """The id of the bucket `ref`, made where it is new; a cap begins with all of it free. Raises StoreAwayError."""
    make = (
        "INSERT INTO buckets (kind, ref, remaining, cap, created_at) VALUES ($1, $2, $3, $4, "  # noqa: S608  # a constant
        f"{now_us(db.dialect)}) ON CONFLICT (ref) DO NOTHING"
    )
    await db.execute(make, kind, ref, cap or 0, cap)
    return (await find(db, [ref]))[ref]


async def set_cap(db: Database, bucket: int, cap: int) -> None:
    """Change a limit. What was used beyond a lowered one is kept as `lack` and paid first when it is raised.

    Raises StoreAwayError, GuardError where there is no such cap.
    """
    free = "remaining - lack + CAST($1 AS BIGINT) - cap"
    await db.change(
        [
            Guard(
                f"UPDATE buckets SET remaining = CASE WHEN {free} > 0 THEN {free} ELSE 0 END, "  # noqa: S608  # constants
                f"lack = CASE WHEN {free} < 0 THEN -({free}) ELSE 0 END, cap = $1 "
                "WHERE id = $2 AND cap IS NOT NULL RETURNING id",
                (cap, bucket),
            )
        ]
    )


async def lift_cap(db: Database, bucket: int) -> None:
    """Nothing is limited by this quota or budget any more; its name is free. Does nothing where there is no such bucket.

    The bucket stays until retention deletes it: workers may still owe it the charges of calls that run.
    """
    lifted = f"UPDATE buckets SET ref = ref || ':lifted:' || id, ends_at = {now_us(db.dialect)} WHERE id = $1"  # noqa: S608
    await db.execute(lifted, bucket)


def credit_steps(dialect: Dialect, wallet: int, nano: int, *, kind: str, reference: str, note: str = "") -> list[Step]:
    """Put money into a wallet, to go into a transaction with the row it belongs to. A second time is a ConflictError."""
    return [
        Guard("UPDATE buckets SET remaining = remaining + $1 WHERE id = $2 AND kind = 'wallet' RETURNING id", (nano, wallet)),
        _entry(dialect, (wallet, kind, nano, reference, note)),
    ]


def charge_steps(dialect: Dialect, wallet: int, nano: int, *, kind: str, reference: str, note: str = "") -> list[Step]:
    """Take money that is not leased, likewise. A GuardError at the first step means that it is not there."""
    return [
        Guard(
            "UPDATE buckets SET remaining = remaining - $1 WHERE id = $2 AND kind = 'wallet' AND remaining >= $1 RETURNING id",
            (nano, wallet),
        ),
        _entry(dialect, (wallet, kind, -nano, reference, note)),
    ]


async def credit(db: Database, wallet: int, nano: int, *, kind: str, reference: str) -> bool:
    """Credit once for each reference; False where that was done before. Raises StoreAwayError, GuardError (no such wallet)."""
    if nano < 0:
        raise ValueError("a credit below zero")
    try:
        await db.change(credit_steps(db.dialect, wallet, nano, kind=kind, reference=reference))
    except ConflictError:
        return False
    return True


async def charge(db: Database, wallet: int, nano: int, *, kind: str, reference: str) -> bool:
    """Charge once for each reference; False where that was done before. Raises InsufficientError, StoreAwayError."""
    if nano < 0:
        raise ValueError("a charge below zero")
    try:
        await db.change(charge_steps(db.dialect, wallet, nano, kind=kind, reference=reference))
    except ConflictError:
        return False
    except GuardError:
        if await db.fetch("SELECT 1 FROM ledger WHERE reference = $1", reference):
            return False
        raise InsufficientError(wallet, nano) from None
    return True


async def recall(db: Database, incarnation: int, wallet: int, nano: int, *, ask: bool) -> bool:
    """With `ask`, tell the workers to give back what they do not use of a wallet; True while some have not answered.

    Raises InsufficientError where even all leases together would not do, StoreAwayError.
    """
    found = await db.fetch(
        "SELECT b.remaining, (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l "
        "WHERE l.bucket_id = b.id) FROM buckets b WHERE b.id = $1",
        wallet,
    )
    total = sum(found[0]) if found else 0
    if total < nano:
        raise InsufficientError(wallet, nano - total)
    if ask:
        await db.execute(
            "INSERT INTO recalls (incarnation_id, bucket_id, at) SELECT l.incarnation_id, l.bucket_id, "  # noqa: S608
            f"{now_us(db.dialect)} FROM leases l JOIN incarnations i ON i.id = l.incarnation_id WHERE l.bucket_id = $1 "
            "AND l.incarnation_id <> $2 AND l.granted > l.spent AND i.state = 'live' ON CONFLICT DO NOTHING",
            wallet,
            incarnation,
        )
    return bool(await db.fetch("SELECT 1 FROM recalls WHERE bucket_id = $1 AND incarnation_id <> $2", wallet, incarnation))


async def balance(db: Database, bucket: int, own: Account | None = None) -> Balance | None:
    """What is left of a bucket. `own` is this worker's account: what it settled and has not flushed is gone already."""
    rows = await db.fetch(
        "SELECT b.remaining - b.lack, b.cap, (SELECT CAST(coalesce(sum(l.granted - l.spent), 0) AS BIGINT) FROM leases l "
        "WHERE l.bucket_id = b.id) FROM buckets b WHERE b.id = $1",
        bucket,
    )
    if not rows:
        return None
    remaining, cap, outstanding = rows[0]
    unflushed, held = (own.unflushed, own.held) if own else (0, 0)
    return Balance(remaining, outstanding - unflushed, held, cap)


def _entry(dialect: Dialect, values: tuple[int, str, int, str, str]) -> Statement:
    return Statement(
        f"INSERT INTO ledger (bucket_id, kind, amount, reference, note, at) VALUES ($1, $2, $3, $4, $5, {now_us(dialect)})",  # noqa: S608
        values,
    )
