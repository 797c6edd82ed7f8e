"""Looks up one API key by its SHA-256, with the account it belongs to."""

import logging
from typing import Any

import msgspec

from entrepot.core.call import Caller, RateLimits
from entrepot.store.contract import Database

_log = logging.getLogger("entrepot.store")

_FIND = (
    "SELECT k.id, k.name, k.user_id, k.groups, k.models, k.networks, k.expires_at, k.status, k.quota, k.rpm, k.tpm, "
    "k.concurrency, u.group_name, u.status, u.limits, "
    "CASE WHEN u.name = 'installation' THEN 1 ELSE (SELECT b.id FROM buckets b WHERE b.ref = 'wallet:user:' || u.id) END, "
    "(SELECT b.id FROM buckets b WHERE b.ref = 'quota:key:' || k.id) "
    "FROM keys k JOIN users u ON u.id = k.user_id WHERE k.sha256 = $1"
)
_names = msgspec.json.Decoder(tuple[str, ...])
_limits = msgspec.json.Decoder(RateLimits)


async def find_key(db: Database, sha256: str) -> Caller | None:
    """The key's facts, or None where there is no such key. Raises StoreAwayError.

    A disabled key, or one of a disabled user, comes with `enabled` false. A key without
    groups of its own has its user's group. The installation's own account pays from the house account.
    """
    rows = await db.fetch(_FIND, sha256)
    return _caller(rows[0]) if rows else None


def _caller(row: tuple[Any, ...]) -> Caller:
    key_id, name, user_id, groups, models, networks, expires, status, quota, rpm, tpm, concurrency, group, *rest = row
    user_status, limits, wallet, cap = rest
    try:
        own_groups, patterns, places = (_names.decode(text) for text in (groups, models, networks))
        user_limits = _limits.decode(limits) if limits != "{}" else None
        enabled = status == "enabled" and user_status == "enabled"
    except msgspec.DecodeError as error:
        # A list that cannot be read must not become "everything is allowed".
        _log.error("key cannot be read, refused", extra={"key": key_id, "error": str(error)})
        own_groups, patterns, places, user_limits, enabled = (), (), (), None, False
    return Caller(
        key_id=key_id,
        key_name=name,
        user_id=user_id,
        groups=own_groups or (group,),
        models=patterns,
        networks=places,
        expires=None if expires is None else expires / 1_000_000,
        enabled=enabled,
        wallet=wallet or 0,
        # A quota without its bucket must not become "unlimited": no bucket has the id 0, so nothing can be held there.
        caps=() if quota is None else (cap or 0,),
        quota=quota,
        rpm=rpm,
        tpm=tpm,
        concurrency=concurrency,
        user_limits=user_limits,
    )
