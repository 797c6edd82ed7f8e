"""The watcher on real databases: changes arrive, and bad days pass."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from entrepot.kit.clock import SystemClock
from entrepot.kit.tasks import TaskGroup
from entrepot.snapshot.watch import Watcher
from entrepot.store import feed
from entrepot.store.changes import publish
from entrepot.store.contract import StoreAwayError
from entrepot.store.engine import open_engine, writing
from entrepot.store.migrate import migrate
from entrepot.store.raw import Database, Statement, open_database
from entrepot.store.url import sqlite_path
from entrepot.store.vault import Vault
from tests.databases import PostgresServer
from tests.snapshot.places import KEY, Vendors, put_channel


class Heard:
    """What the watcher told."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.gaps = 0

    def gap(self) -> None:
        self.gaps += 1


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup()
    yield group
    await group.close()


def watcher(db: Database, tasks: TaskGroup) -> tuple[Watcher, Heard]:
    made = Watcher(db, Vault([KEY]), Vendors(), tasks, SystemClock())
    heard = Heard()
    made.subscribe(heard.keys.append, heard.gap)
    return made, heard


async def until(true: Callable[[], bool], seconds: float = 10) -> float:
    """Wait for it; gives the seconds it took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < seconds, "did not come about"
        await asyncio.sleep(0.005)
    return time.monotonic() - started


async def announce(db: Database, kind: str, ref: str = "") -> None:
    await db.transaction(feed.announcement(db.dialect, kind, ref))


def names(watched: Watcher) -> list[str]:
    return [channel.name for channel in watched.current.channels]


async def test_a_change_from_control_is_seen_within_two_seconds(database_url: str, db: Database, tasks: TaskGroup) -> None:
    watched, heard = watcher(db, tasks)
    await watched.start()
    assert watched.ready
    assert names(watched) == []
    other = await open_database(database_url)
    await put_channel(other, "new")
    engine = open_engine(database_url)
    async with writing(engine) as connection:
        await publish(connection, feed.SNAPSHOT)
        await publish(connection, feed.KEY, "ab" * 32)
    assert await until(lambda: names(watched) == ["new"]) < 2
    assert await until(lambda: heard.keys == ["ab" * 32]) < 0.5
    assert watched.current.version == 2
    assert heard.gaps == 0
    await engine.dispose()
    await other.close()


async def test_vendor_keys_are_told_apart(db: Database, tasks: TaskGroup) -> None:
    watched, heard = watcher(db, tasks)
    told: list[str] = []
    watched.subscribe_vendor_keys(told.append)
    await watched.start()
    loaded = watched.current
    await announce(db, feed.VENDOR_KEY)
    await announce(db, feed.VENDOR_KEY, "7")
    assert await until(lambda: told == ["", "7"]) < 2
    assert watched.current is loaded, "no snapshot is read for that"
    assert heard.keys == []
    skipped = Statement("UPDATE feed_head SET v = v + 1")
    await db.transaction([skipped, *feed.announcement(db.dialect, feed.KEY)])
    assert await until(lambda: heard.gaps == 1) < 2
    assert told == ["", "7", ""], "what was missed may have been one"


async def test_notify_is_quicker_than_polling(database_url: str, db: Database, tasks: TaskGroup) -> None:
    if db.dialect == "sqlite":
        return
    watched, heard = watcher(db, tasks)
    await watched.start()
    await asyncio.sleep(0.3)  # it listens in a task of its own
    for number in range(5):
        await announce(db, feed.KEY, str(number))
        assert await until(lambda: len(heard.keys) == number + 1) < 0.9  # noqa: B023
    assert heard.keys == list("01234")


class HardOfHearing:
    """A database where LISTEN takes long, and fails: a pooler in between, or no connection left."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.attempts = 0
        self.dialect = db.dialect
        self.fetch, self.read = db.fetch, db.read

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        self.attempts += 1
        await asyncio.sleep(5)
        raise StoreAwayError("too many connections")


async def test_a_listen_that_hangs_does_not_delay_a_revocation(db: Database, tasks: TaskGroup) -> None:
    deaf = HardOfHearing(db)
    watched, heard = watcher(deaf, tasks)  # type: ignore[arg-type]
    assert (await timed(watched.start())) < 1
    await announce(db, feed.KEY, "revoked")
    assert await until(lambda: heard.keys == ["revoked"]) < 2
    await announce(db, feed.KEY, "again")
    assert await until(lambda: len(heard.keys) == 2) < 2
    assert deaf.attempts == 1


async def test_a_lost_notify_connection_is_made_anew(db: Database, tasks: TaskGroup) -> None:
    if db.dialect == "sqlite":
        return
    watched, heard = watcher(db, tasks)
    await watched.start()
    await asyncio.sleep(0.3)
    await db.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
    await asyncio.sleep(1.5)
    for number in range(3):
        await announce(db, feed.KEY, str(number))
        assert await until(lambda: len(heard.keys) == number + 1) < 0.9  # noqa: B023


async def timed(work: Awaitable[object]) -> float:
    started = time.monotonic()
    await work
    return time.monotonic() - started


async def test_key_events_load_nothing(db: Database, tasks: TaskGroup) -> None:
    watched, heard = watcher(db, tasks)
    await watched.start()
    before = watched.current
    await announce(db, feed.KEY, "k")
    await until(lambda: heard.keys == ["k"])
    assert watched.current is before


async def test_a_gap_forgets_all_and_reads_anew(db: Database, tasks: TaskGroup) -> None:
    watched, heard = watcher(db, tasks)
    await watched.start()
    await put_channel(db, "new")
    await db.transaction(
        [
            Statement("UPDATE feed_head SET v = 7"),
            Statement("INSERT INTO feed (v, kind, ref, at) VALUES (6, 'key', 'a', 0), (7, 'key', 'b', 0)"),
        ]
    )
    await until(lambda: names(watched) == ["new"])
    assert heard.gaps == 1
    await announce(db, feed.KEY, "c")
    await until(lambda: heard.keys[-1:] == ["c"])
    assert heard.gaps == 1


async def test_a_restored_backup_is_read_anew(db: Database, tasks: TaskGroup) -> None:
    await db.execute("UPDATE feed_head SET v = 100")
    watched, heard = watcher(db, tasks)
    await watched.start()
    await put_channel(db, "restored")
    await db.execute("UPDATE feed_head SET v = 50")
    await until(lambda: names(watched) == ["restored"])
    assert heard.gaps == 1
    assert watched.current.version == 50


async def test_a_listener_that_breaks_does_not_end_the_watch(
    db: Database, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    watched, heard = watcher(db, tasks)
    watched.subscribe(int, lambda: None)  # type: ignore[arg-type]
    await watched.start()
    with caplog.at_level(logging.CRITICAL):
        await announce(db, feed.KEY, "not a number")
        await until(lambda: "not a number" in heard.keys)
        await announce(db, feed.KEY, "7")
        await until(lambda: "7" in heard.keys)


async def test_a_server_that_goes_and_comes_back(
    postgres_server: PostgresServer, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.to_thread(migrate, postgres_server.url())
    db = await open_database(postgres_server.url())
    await put_channel(db, "kept")
    watched, heard = watcher(db, tasks)
    await watched.start()
    with caplog.at_level(logging.WARNING, "entrepot.snapshot"):
        await asyncio.to_thread(postgres_server.stop, "immediate")
        await until(lambda: watched.stale_since is not None)
        assert watched.stale_since is not None
        assert abs(watched.stale_since - time.time()) < 5
        assert names(watched) == ["kept"]
        await asyncio.sleep(2.5)
        assert [record.levelname for record in caplog.records] == ["ERROR"]  # once, not each second
        await asyncio.to_thread(postgres_server.start)
        await until(lambda: watched.stale_since is None)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    await put_channel(db, "later")
    await announce(db, feed.SNAPSHOT)
    await announce(db, feed.KEY, "revoked")
    assert await until(lambda: names(watched) == ["kept", "later"] and heard.keys == ["revoked"]) < 2
    assert heard.gaps == 0
    await db.close()


async def test_started_while_the_server_is_away(postgres_server: PostgresServer, tasks: TaskGroup) -> None:
    await asyncio.to_thread(migrate, postgres_server.url())
    await asyncio.to_thread(postgres_server.stop)
    db = await open_database(postgres_server.url())
    watched, _ = watcher(db, tasks)
    await watched.start()
    assert not watched.ready
    assert watched.stale_since is not None
    assert watched.current.channels == ()
    await asyncio.to_thread(postgres_server.start)
    await until(lambda: watched.ready)
    assert watched.stale_since is None
    await db.close()


async def test_a_locked_sqlite_file_does_not_matter_to_readers(
    databases: object, database_url: str, db: Database, tasks: TaskGroup
) -> None:
    path = sqlite_path(database_url)
    if path is None:
        return
    watched, _ = watcher(db, tasks)
    await watched.start()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    other.execute("UPDATE feed_head SET v = v + 1")
    watched.wake()
    await asyncio.sleep(0.3)
    assert watched.stale_since is None
    other.execute("ROLLBACK")
    other.close()


async def test_a_database_that_lost_its_tables_is_weather_too(db: Database, tasks: TaskGroup) -> None:
    await put_channel(db, "kept")
    watched, _ = watcher(db, tasks)
    await watched.start()
    await db.execute("ALTER TABLE feed RENAME TO gone")
    watched.wake()
    await until(lambda: watched.stale_since is not None)
    assert names(watched) == ["kept"]
    await db.execute("ALTER TABLE gone RENAME TO feed")
    await until(lambda: watched.stale_since is None)


async def test_closing_leaves_no_task(db: Database) -> None:
    tasks = TaskGroup()
    watched, _ = watcher(db, tasks)
    await watched.start()
    assert len(tasks) >= 1
    await tasks.close()
    assert len(tasks) == 0
