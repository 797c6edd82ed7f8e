"""Looks up one API key by its SHA-256, with the account it belongs to and the budgets that bind it."""

import logging
from typing import Any, Final, NamedTuple

import msgspec

from entrepot.core import call
from entrepot.core.call import Caller, RateLimits
from entrepot.kit.clock import Clock
from entrepot.store import budgets
from entrepot.store.budgets import MICRO, NEVER, Budget
from entrepot.store.contract import Database, Dialect, Row, StoreAwayError
from entrepot.store.feed import now_us

_log = logging.getLogger("entrepot.store")

_ATTEMPTS: Final = 4
"""Looks at a key whose budgets begin a new period meanwhile."""
_names = msgspec.json.Decoder(tuple[str, ...])
_limits = msgspec.json.Decoder(RateLimits)


class Found(NamedTuple):
    """A key as it stands in the database."""

    row: Row
    budgets: list[Budget]
    now: int
    """The database's time, in microseconds since 1970."""


async def find_key(db: Database, sha256: str, clock: Clock) -> Caller | None:
    """A key that wants to call; None where there is no such key. Begins a new period of its budgets where one has ended.

    A disabled key, or one of a disabled user, comes with `enabled` false. A key without
    groups of its own has its user's group. The installation's own account pays from the house account.
    Raises StoreAwayError.
    """
    for _ in range(_ATTEMPTS):
        found = await _read(db, sha256)
        if found is None:
            return None
        ended = [budget for budget in found.budgets if budget.ends_at <= found.now]
        if not ended:
            return _caller(found, clock.wall())
        for budget in ended:
            await budgets.renew(db, budget, found.now)
    raise StoreAwayError("the periods of a key's budgets do not begin")


async def describe_key(db: Database, sha256: str) -> Caller | None:
    """The same without writing anything: budgets in whose period nobody has called are left out. Raises StoreAwayError."""
    found = await _read(db, sha256)
    if found is None:
        return None
    running = [budget for budget in found.budgets if budget.ends_at > found.now]
    return _caller(found._replace(budgets=running), found.now / MICRO)


async def _read(db: Database, sha256: str) -> Found | None:
    rows = await db.fetch(_query(db.dialect), sha256)
    return Found(rows[0][:-6], [Budget(*row[-6:-1]) for row in rows if row[-6] is not None], rows[0][-1]) if rows else None


def _query(dialect: Dialect) -> str:
    """One row for each budget that binds the key; at least one."""
    return (
        "SELECT k.id, k.name, k.user_id, k.groups, k.models, k.networks, k.expires_at, k.status, k.quota, k.rpm, k.tpm, "  # noqa: S608
        "k.concurrency, u.group_name, u.status, u.limits, "
        "CASE WHEN u.name = 'installation' THEN 1 ELSE (SELECT b.id FROM buckets b WHERE b.ref = 'wallet:user:' || u.id) END, "
        "(SELECT b.id FROM buckets b WHERE b.ref = 'quota:key:' || k.id), "
        f"{budgets.COLUMNS}, {now_us(dialect)} "
        "FROM keys k JOIN users u ON u.id = k.user_id "
        "LEFT JOIN budgets g ON g.scope IN ('key:' || k.id, 'user:' || k.user_id) LEFT JOIN buckets c ON c.id = g.bucket_id "
        "WHERE k.sha256 = $1 ORDER BY g.scope, g.period"
    )


def _caller(found: Found, wall: float) -> Caller:
    key_id, name, user_id, groups, models, networks, expires, status, quota, rpm, tpm, concurrency, group, *rest = found.row
    user_status, limits, wallet, cap = rest
    try:
        own_groups, patterns, places = (_names.decode(text) for text in (groups, models, networks))
        user_limits = _limits.decode(limits) if limits != "{}" else None
        enabled = status == "enabled" and user_status == "enabled"
    except msgspec.DecodeError as error:
        # A list that cannot be read must not become "everything is allowed".
        _log.error("key cannot be read, refused", extra={"key": key_id, "error": str(error)})
        own_groups, patterns, places, user_limits, enabled = (), (), (), None, False
    expires = None if expires is None else expires / MICRO
    # A quota without its bucket must not become "unlimited": no bucket has the id 0, so nothing can be held there.
    caps = () if quota is None else (cap or 0,)
    return Caller(
        key_id=key_id,
        key_name=name,
        user_id=user_id,
        groups=own_groups or (group,),
        models=patterns,
        networks=places,
        expires=expires,
        until=_until(expires, found, wall),
        enabled=enabled,
        wallet=wallet or 0,
        caps=(*caps, *(budget.bucket for budget in found.budgets)),
        quota=quota,
        budgets=tuple(_shown(budget) for budget in found.budgets),
        rpm=rpm,
        tpm=tpm,
        concurrency=concurrency,
        user_limits=user_limits,
    )


def _until(expires: float | None, found: Found, wall: float) -> float | None:
    """On our clock, which may be ahead of the database's: then the new period would not have begun there yet."""
    moments = [wall + (budget.ends_at - found.now) / MICRO for budget in found.budgets if budget.ends_at != NEVER]
    return min((*moments, *(() if expires is None else (expires,))), default=None)


def _shown(budget: Budget) -> call.Budget:
    of: Any = "key" if budget.scope.startswith("key:") else "account"
    ends = None if budget.ends_at == NEVER else budget.ends_at / MICRO
    return call.Budget(of, budget.period, budget.amount, budget.bucket, ends)
