"""Quotas of keys: a limit is a bucket, so that a call can reserve a part of it.

Changing a quota keeps what was used: one that is lowered below it lets nothing through until it is
raised above. Lifting a quota forgets what was used. The bucket stays under another name then:
workers may still owe it the charges of calls that run.
"""

from typing import Any, NamedTuple

from sqlalchemy import func, select

from entrepot.buckets import accounts
from entrepot.control.services import Transaction
from entrepot.store.schema import buckets, leases


class Quota(NamedTuple):
    """nano-USD."""

    used: int
    """May be above the limit, where that was lowered; workers hold a slice of what is left, which does not count."""
    remaining: int


async def limit(tx: Transaction, key_id: int, nano: int | None) -> None:
    """Let a key spend so much in all, or without a limit, in the transaction that writes the key."""
    reference = accounts.quota_ref(key_id)
    bucket = (await accounts.find(tx.raw, [reference])).get(reference)
    if nano is None:
        if bucket is not None:
            await accounts.lift_cap(tx.raw, bucket)
    elif bucket is None:
        await accounts.open_bucket(tx.raw, "quota", reference, nano)
    else:
        await accounts.set_cap(tx.raw, bucket, nano)


async def read(tx: Transaction, key_ids: list[int]) -> dict[int, Quota]:
    """What was used and what remains, by key id; keys without a quota are left out."""
    ids = {accounts.quota_ref(key_id): key_id for key_id in key_ids}
    leased: Any = func.coalesce(func.sum(leases.c.granted - leases.c.spent), 0)
    outstanding = select(leased).where(leases.c.bucket_id == buckets.c.id).scalar_subquery()
    free = (buckets.c.remaining - buckets.c.lack + outstanding).label("free")
    rows = await tx.rows(select(buckets.c.ref, buckets.c.cap, free).where(buckets.c.ref.in_(list(ids))))
    return {ids[row["ref"]]: Quota(row["cap"] - int(row["free"]), max(int(row["free"]), 0)) for row in rows}
