"""The feed as raw SQL: publishing from a gateway, gaps, and forgetting."""

from entrepot.store import feed
from entrepot.store.raw import Database, Statement

OLD = 1_000_000


async def publish(db: Database, *refs: str) -> None:
    for ref in refs:
        await db.transaction(feed.announcement(db.dialect, feed.KEY, ref))


async def test_a_gateway_publishes_too(db: Database) -> None:
    await publish(db, "a", "b")
    assert await feed.events_after(db, 0) == (2, [(1, "key", "a"), (2, "key", "b")], False)
    assert await feed.events_after(db, 1) == (2, [(2, "key", "b")], False)
    assert await feed.events_after(db, 2) == (2, [], False)


async def test_times_are_the_databases_own(db: Database) -> None:
    await publish(db, "a")
    [(at, now)] = await db.fetch(f"SELECT at, {feed.now_us(db.dialect)} FROM feed")
    assert 0 <= now - at < 10_000_000
    assert at > 1_600_000_000_000_000


async def test_missing_numbers_are_a_gap(db: Database) -> None:
    await publish(db, "a", "b", "c", "d")
    await db.execute("DELETE FROM feed WHERE v <= 2")
    assert (await feed.events_after(db, 0)).gap
    assert (await feed.events_after(db, 1)).gap
    assert not (await feed.events_after(db, 2)).gap
    await db.execute("DELETE FROM feed")
    assert await feed.events_after(db, 3) == (4, [], True)
    assert await feed.events_after(db, 4) == (4, [], False)


async def test_a_restored_backup_is_a_gap(db: Database) -> None:
    await publish(db, "a", "b")
    assert await feed.events_after(db, 5) == (2, [], True)


async def test_only_old_events_beyond_the_last_thousand_are_forgotten(db: Database) -> None:
    fresh = f"INSERT INTO feed (v, kind, at) VALUES ($1, 'key', {feed.now_us(db.dialect)})"
    await db.transaction(
        [
            *(Statement("INSERT INTO feed (v, kind, at) VALUES ($1, 'key', $2)", (v, OLD)) for v in range(1, 101)),
            *(Statement(fresh, (v,)) for v in range(101, 201)),
            Statement("UPDATE feed_head SET v = 1150"),
        ]
    )
    await publish(db, "x")  # number 1151: of 1 to 151 the old ones go
    kept = [row[0] for row in await db.fetch("SELECT v FROM feed ORDER BY v")]
    assert kept == [*range(101, 201), 1151]
    await db.execute("UPDATE feed SET at = $1", OLD)
    await publish(db, "y")  # number 1152: 153 to 200 are old but among the last thousand
    assert [row[0] for row in await db.fetch("SELECT v FROM feed ORDER BY v")] == [*range(153, 201), 1151, 1152]
