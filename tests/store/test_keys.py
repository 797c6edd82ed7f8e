"""A key by its hash, with what it may do."""

import logging
from typing import Any

import pytest

from entrepot.core.call import Caller, RateLimits
from entrepot.kit.clock import SystemClock
from entrepot.store.keys import find_key
from entrepot.store.raw import Database, StoreAwayError, open_database

SHA = "ab" * 32


async def put(db: Database, *, user_status: str = "enabled", **columns: Any) -> tuple[int, int]:
    insert = "INSERT INTO users (name, group_name, status, created_at) VALUES ('u', 'vip', $1, 0) RETURNING id"
    [(user,)] = await db.fetch(insert, user_status)
    values = {"user_id": user, "name": "k", "sha256": SHA, "hint": "", "created_at": 0, **columns}
    marks = ", ".join(f"${index}" for index in range(1, len(values) + 1))
    [(key,)] = await db.fetch(f"INSERT INTO keys ({', '.join(values)}) VALUES ({marks}) RETURNING id", *values.values())
    return key, user


async def test_a_plain_key_has_its_users_group(db: Database) -> None:
    key, user = await put(db)
    assert await find_key(db, SHA, SystemClock()) == Caller(key_id=key, key_name="k", user_id=user, groups=("vip",))


async def test_all_it_may_say(db: Database) -> None:
    key, user = await put(
        db,
        groups='["a", "b"]',
        models='["gpt-4o*"]',
        networks='["10.0.0.0/8"]',
        expires_at=1_800_000_000_500_000,
        quota=5_000_000_000_000,
        rpm=60,
        tpm=90_000,
        concurrency=4,
    )
    assert await find_key(db, SHA, SystemClock()) == Caller(
        key_id=key,
        key_name="k",
        user_id=user,
        groups=("a", "b"),
        models=("gpt-4o*",),
        networks=("10.0.0.0/8",),
        expires=1_800_000_000.5,
        until=1_800_000_000.5,
        # No bucket was made for the quota, nor a wallet: nothing can be held there, so nothing can be spent.
        caps=(0,),
        quota=5_000_000_000_000,
        rpm=60,
        tpm=90_000,
        concurrency=4,
    )


async def test_an_unknown_key(db: Database) -> None:
    await put(db)
    assert await find_key(db, "cd" * 32, SystemClock()) is None


async def test_disabled_by_itself_or_with_its_user(db: Database) -> None:
    await put(db, status="disabled")
    found = await find_key(db, SHA, SystemClock())
    assert found is not None
    assert not found.enabled


async def test_disabled_with_its_user(db: Database) -> None:
    await put(db, user_status="disabled")
    found = await find_key(db, SHA, SystemClock())
    assert found is not None
    assert not found.enabled


async def test_a_list_that_cannot_be_read_allows_nothing(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    await put(db, models="gpt-4o")
    with caplog.at_level(logging.ERROR):
        found = await find_key(db, SHA, SystemClock())
    assert found is not None
    assert not found.enabled
    assert "cannot be read" in caplog.text


async def test_away_is_not_unknown() -> None:
    db = await open_database("postgresql://postgres@127.0.0.1:1/none")
    with pytest.raises(StoreAwayError):
        await find_key(db, SHA, SystemClock())
    await db.close()


async def test_the_limits_of_its_user(db: Database) -> None:
    _, user = await put(db)
    await db.execute("UPDATE users SET limits = $1 WHERE id = $2", '{"rpm": 60, "concurrency": 2}', user)
    found = await find_key(db, SHA, SystemClock())
    assert found is not None
    assert found.user_limits == RateLimits(rpm=60, concurrency=2)
    await db.execute("UPDATE users SET limits = '[' WHERE id = $1", user)
    found = await find_key(db, SHA, SystemClock())
    assert found is not None
    assert not found.enabled
