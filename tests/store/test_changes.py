"""Events are published in the writer's transaction, and no reader ever misses one."""

import asyncio
import random

from sqlalchemy import text

from entrepot.store import feed
from entrepot.store.changes import publish
from entrepot.store.engine import open_engine, writing
from entrepot.store.raw import Database, open_database

WRITERS = 8
EACH = 12


async def test_numbers_go_up_by_one_and_rolled_back_ones_are_used_again(database_url: str, db: Database) -> None:
    engine = open_engine(database_url)
    async with writing(engine) as connection:
        assert await publish(connection, feed.SNAPSHOT) == 1
        assert await publish(connection, feed.KEY, "ab" * 32) == 2
    async with engine.connect() as connection:
        assert await publish(connection, feed.SNAPSHOT) == 3
        await connection.rollback()
    async with writing(engine) as connection:
        assert await publish(connection, feed.KEY, "cd") == 3
    await engine.dispose()
    page = await feed.events_after(db, 0)
    assert page.head == 3
    assert page.events == [(1, "snapshot", ""), (2, "key", "ab" * 32), (3, "key", "cd")]
    assert not page.gap


async def test_a_reader_that_polls_beyond_the_last_number_sees_every_event(database_url: str) -> None:
    """Writers dawdle between taking their number and the commit. With a sequence this test fails on PostgreSQL."""
    engine = open_engine(database_url)
    dice = random.Random(7)
    published: set[tuple[int, str]] = set()
    done = asyncio.Event()

    async def write(name: str) -> None:
        for index in range(EACH):
            async with writing(engine) as connection:
                number = await publish(connection, feed.KEY, f"{name}-{index}")
                await asyncio.sleep(dice.random() * 0.004)
                if dice.random() < 0.1:
                    await connection.rollback()
                    continue
            published.add((number, f"{name}-{index}"))

    async def read() -> list[tuple[int, str]]:
        db = await open_database(database_url)
        seen: list[tuple[int, str]] = []
        last = 0
        while True:
            finished = done.is_set()
            page = await feed.events_after(db, last)
            assert not page.gap
            seen += [(event.v, event.ref) for event in page.events]
            last = max(last, *(event.v for event in page.events)) if page.events else last
            if finished and not page.events:
                await db.close()
                return seen
            await asyncio.sleep(0.001)

    readers = [asyncio.get_running_loop().create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write(str(writer)) for writer in range(WRITERS)))
    done.set()
    for seen in await asyncio.gather(*readers):
        assert seen == sorted(published)
    assert len(published) > WRITERS * EACH // 2
    await engine.dispose()


async def test_the_change_and_its_event_come_together(database_url: str, db: Database) -> None:
    engine = open_engine(database_url)
    async with engine.connect() as connection:
        await connection.execute(text("INSERT INTO settings (name, value) VALUES ('a', '1')"))
        await publish(connection, feed.SNAPSHOT)
        other = await db.read(feed_and_settings())
        assert other == [[(0,)], []]
        await connection.commit()
    assert await db.read(feed_and_settings()) == [[(1,)], [("a",)]]
    await engine.dispose()


def feed_and_settings() -> list[feed.Statement]:
    return [feed.Statement("SELECT v FROM feed_head"), feed.Statement("SELECT name FROM settings")]


async def test_notify_comes_with_the_commit(database_url: str, db: Database) -> None:
    woken = asyncio.Event()
    listens = await db.listen(feed.CHANNEL, woken.set)
    assert listens == (db.dialect == "postgresql")
    if not listens:
        return
    engine = open_engine(database_url)
    async with writing(engine) as connection:
        await publish(connection, feed.SNAPSHOT)
        await asyncio.sleep(0.05)
        assert not woken.is_set()
    await asyncio.wait_for(woken.wait(), 2)
    await engine.dispose()
