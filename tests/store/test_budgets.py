"""Budgets on both databases: periods of the calendar, one bucket each, and what happens where they meet."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from entrepot.core.call import Caller, Period
from entrepot.kit.clock import ManualClock, SystemClock
from entrepot.store.budgets import MICRO, NEVER, key_scope, span, user_scope
from entrepot.store.keys import describe_key, find_key
from entrepot.store.raw import Database, open_database
from tests.store.test_keys import SHA, put


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * MICRO


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("day", "2027-01-31T00:00:00", "2027-01-31", "2027-02-01"),
        ("day", "2026-12-31T23:59:59", "2026-12-31", "2027-01-01"),
        ("week", "2027-01-03T23:59:59", "2026-12-28", "2027-01-04"),
        ("week", "2027-01-04T00:00:00", "2027-01-04", "2027-01-11"),
        ("month", "2028-02-29T12:00:00", "2028-02-01", "2028-03-01"),
        ("month", "2027-12-01T00:00:00", "2027-12-01", "2028-01-01"),
        ("month", "2027-01-31T12:00:00", "2027-01-01", "2027-02-01"),
    ],
)
def test_periods_of_the_calendar(period: Period, now: str, start: str, end: str) -> None:
    assert span(period, at(now) + 999_999) == (start, at(end))


def test_a_total_never_ends() -> None:
    assert span("total", at("2027-01-01")) == ("ever", NEVER)


async def budget(db: Database, scope: str, period: str, amount: int) -> None:
    await db.execute("INSERT INTO budgets (scope, period, amount) VALUES ($1, $2, $3)", scope, period, amount)


async def look(db: Database) -> Caller:
    found = await find_key(db, SHA, SystemClock())
    assert found is not None
    return found


async def end_period(db: Database, bucket: int, ago: int = MICRO) -> None:
    """As if the period of a bucket had ended so many microseconds ago, and its name were that of another day."""
    end = round(datetime.now(UTC).timestamp() * MICRO) - ago
    await db.execute("UPDATE buckets SET ends_at = $1, ref = ref || ':' || id WHERE id = $2", end, bucket)


async def test_the_first_look_up_makes_the_buckets_and_the_next_finds_them(db: Database) -> None:
    key, user = await put(db, quota=5)
    await budget(db, user_scope(user), "month", 100)
    await budget(db, key_scope(key), "day", 7)
    await budget(db, key_scope(key), "total", 50)
    await budget(db, key_scope(key + 1), "day", 1)
    await budget(db, user_scope(user + 1), "day", 1)
    first = await look(db)
    assert [(each.of, each.period, each.limit) for each in first.budgets] == [
        ("key", "day", 7),
        ("key", "total", 50),
        ("account", "month", 100),
    ]
    assert first.caps == (0, *(each.bucket for each in first.budgets))
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    assert (first.budgets[0].ends, first.budgets[1].ends) == (tomorrow, None)
    assert first.until == pytest.approx(tomorrow, abs=5)
    assert (await look(db)).caps == first.caps
    rows = await db.fetch("SELECT kind, remaining, cap, lack FROM buckets WHERE kind <> 'house' ORDER BY cap")
    assert rows == [("budget", amount, amount, 0) for amount in (7, 50, 100)]


async def test_until_is_on_our_own_clock_and_an_earlier_expiry_comes_first(db: Database) -> None:
    key, _ = await put(db)
    await budget(db, key_scope(key), "day", 7)
    ours = ManualClock(5_000.0)  # an hour that the database has left long ago
    found = await find_key(db, SHA, ours)
    assert found is not None
    assert found.until is not None
    assert 0 < found.until - ours.wall() <= 86_400
    assert (await look(db)).until != found.until
    await db.execute("UPDATE keys SET expires_at = 4000000000")
    found = await find_key(db, SHA, ours)
    assert found is not None
    assert found.until == found.expires == 4_000.0


async def test_a_period_that_has_ended_gives_way_to_a_fresh_one(db: Database) -> None:
    key, user = await put(db)
    await budget(db, user_scope(user), "day", 100)
    await budget(db, key_scope(key), "day", 7)
    (own, shared) = (await look(db)).caps
    await db.execute("UPDATE buckets SET remaining = 3 WHERE id IN ($1, $2)", own, shared)
    await end_period(db, own)
    fresh, same = (await look(db)).caps
    assert (fresh != own, same) == (True, shared)
    rows = await db.fetch("SELECT id, remaining, cap FROM buckets WHERE id IN ($1, $2, $3) ORDER BY id", own, shared, fresh)
    assert rows == [(own, 3, 7), (shared, 3, 100), (fresh, 7, 7)]


async def test_a_key_can_be_described_without_beginning_a_period(db: Database) -> None:
    key, _ = await put(db)
    await budget(db, key_scope(key), "day", 7)
    described = await describe_key(db, SHA)
    assert described is not None
    assert (described.key_id, described.caps, described.until) == (key, (), None)
    assert await db.fetch("SELECT bucket_id FROM budgets") == [(None,)]
    found = await look(db)
    described = await describe_key(db, SHA)
    assert described is not None
    assert (described.caps, described.budgets) == (found.caps, found.budgets)
    assert await describe_key(db, "cd" * 32) is None


async def test_a_bucket_that_was_deleted_is_made_again(db: Database) -> None:
    """One that nobody used for days goes by the rule of retention."""
    key, _ = await put(db)
    await budget(db, key_scope(key), "day", 7)
    (old,) = (await look(db)).caps
    await db.execute("DELETE FROM buckets WHERE id = $1", old)
    (again,) = (await look(db)).caps
    assert again > old
    assert (await look(db)).caps == (again,)


async def test_many_workers_begin_a_period_together(db: Database, database_url: str) -> None:
    key, user = await put(db)
    for period in ("day", "week", "month", "total"):
        await budget(db, user_scope(user), period, 100)
        await budget(db, key_scope(key), period, 7)
    workers = [await open_database(database_url) for _ in range(4)]
    for _ in range(3):
        found = await asyncio.gather(*(find_key(worker, SHA, SystemClock()) for worker in workers * 5))
        assert len({caller.caps for caller in found if caller}) == 1
        for bucket in (await look(db)).caps[::2]:
            await end_period(db, bucket)
    for worker in workers:
        await worker.close()


async def test_an_amount_that_changes_meanwhile_is_the_cap_in_the_end(db: Database, database_url: str) -> None:
    """The one who changes it locks the row first, then looks for the bucket; the one who makes the bucket locks it, too."""
    key, _ = await put(db)
    scope = key_scope(key)
    await budget(db, scope, "day", 0)
    other = await open_database(database_url)

    async def change(amount: int) -> None:
        [(bucket,)] = await other.fetch("UPDATE budgets SET amount = $1 WHERE scope = $2 RETURNING bucket_id", amount, scope)
        if bucket is not None:
            await other.execute("UPDATE buckets SET cap = $1, remaining = $1 WHERE id = $2", amount, bucket)

    for amount in range(1, 11):
        await asyncio.gather(look(db), change(amount))
        (bucket,) = (await look(db)).caps
        assert await db.fetch("SELECT cap FROM buckets WHERE id = $1", bucket) == [(amount,)]
        await end_period(db, bucket)
    await other.close()
