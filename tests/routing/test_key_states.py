"""Workers tell each other of keys, on real databases: in time, and through bad days."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.core.route import Route
from entrepot.kit.clock import SystemClock
from entrepot.kit.tasks import TaskGroup
from entrepot.routing.board import Board
from entrepot.routing.key_states import KeyStates
from entrepot.snapshot.watch import Watcher
from entrepot.store import feed
from entrepot.store.raw import Database, open_database
from entrepot.store.vault import Vault
from tests.snapshot.places import KEY, Vendors, put_channel


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup()
    yield group
    await group.close()


class WorkerUnderTest:
    """A board that follows the database."""

    def __init__(self, db: Database) -> None:
        self.board = Board(SystemClock(), random.Random(1))
        self.states = KeyStates(db, self.board)
        self._db = db

    async def start(self, tasks: TaskGroup) -> "WorkerUnderTest":
        watcher = Watcher(self._db, Vault([KEY]), Vendors(), tasks, SystemClock())
        watcher.subscribe_vendor_keys(self.states.changed)
        await watcher.start()
        await self.states.start(tasks)
        return self

    def tries(self, channel: int, key: int, kind: Kind | None, wait: float | None = None) -> None:
        origin = Origin("https", "vendor.example", 443)
        trial = self.board.begin(Route(channel, "c", "openai", "default", 1_000_000, "m", origin, "", "", key, "sk-1"))
        trial.fault, trial.answered = (Fault(kind, retry_after=wait), False) if kind else (None, True)
        if kind is None:
            trial.content(self.board.now())
        trial.end(self.board.now())

    def rests(self, channel: int, key: int) -> float:
        """Seconds that are left."""
        health = next((health for health in self.board.known() if health.id == channel), None)
        end = health.ends(key, self.board.now()) if health else 0.0
        return end - self.board.now() if end else 0.0


async def until(true: Callable[[], bool], seconds: float = 2.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


async def two(db: Database, tasks: TaskGroup) -> tuple[WorkerUnderTest, WorkerUnderTest, int, int]:
    """Two workers, a channel, its key."""
    channel = await put_channel(db, "c")
    [(key,)] = await db.fetch("SELECT id FROM channel_keys")
    return await WorkerUnderTest(db).start(tasks), await WorkerUnderTest(db).start(tasks), channel, key


async def test_others_know_within_two_seconds_and_again_when_it_is_mended(db: Database, tasks: TaskGroup) -> None:
    one, other, channel, key = await two(db, tasks)
    one.tries(channel, key, Kind.VENDOR_AUTH)
    await until(lambda: other.rests(channel, key) > 290)
    [row] = await db.fetch("SELECT status, reason, tries, rests_until > 0 FROM channel_keys")
    assert tuple(row)[:3] == ("broken", "vendor_auth", 1)
    one.tries(channel, key, None)
    await until(lambda: not other.rests(channel, key))
    assert (await db.fetch("SELECT status, reason, tries, rests_until FROM channel_keys"))[0] == ("enabled", "", 0, 0)


async def test_a_pause_that_the_vendor_asked_for_holds_everywhere_and_ends(db: Database, tasks: TaskGroup) -> None:
    one, other, channel, key = await two(db, tasks)
    one.tries(channel, key, Kind.VENDOR_RATE_LIMIT, 2.5)
    await until(lambda: 0 < other.rests(channel, key) <= 2.5)
    await until(lambda: not other.rests(channel, key), 3.5)


async def test_a_worker_that_starts_later_reads_what_is_known(db: Database, tasks: TaskGroup) -> None:
    one, _, channel, key = await two(db, tasks)
    one.tries(channel, key, Kind.VENDOR_QUOTA)
    await asyncio.sleep(0.5)
    late = await WorkerUnderTest(db).start(tasks)
    assert late.rests(channel, key) > 290


async def test_what_the_operator_disabled_stays_disabled(db: Database, tasks: TaskGroup) -> None:
    one, other, channel, key = await two(db, tasks)
    await db.execute("UPDATE channel_keys SET status = 'disabled'")
    one.tries(channel, key, Kind.VENDOR_AUTH)
    await asyncio.sleep(0.5)
    assert await db.fetch("SELECT status FROM channel_keys") == [("disabled",)]
    assert not other.rests(channel, key)


async def test_a_reset_reaches_all(db: Database, tasks: TaskGroup) -> None:
    one, other, channel, key = await two(db, tasks)
    one.tries(channel, key, Kind.VENDOR_AUTH)
    for _ in range(3):
        other.tries(channel, key, Kind.VENDOR_ERROR)
    await until(lambda: other.rests(channel, key) > 290)
    await db.execute("UPDATE channel_keys SET status = 'enabled', rests_until = 0, tries = 0")
    await db.transaction(feed.announcement(db.dialect, feed.VENDOR_KEY, str(channel)))
    await until(lambda: not one.board.known() and not other.board.known())


async def test_while_the_database_is_away_verdicts_wait(database_url: str, tasks: TaskGroup) -> None:
    db = await open_database(database_url)
    channel = await put_channel(db, "c")
    [(key,)] = await db.fetch("SELECT id FROM channel_keys")
    one = await WorkerUnderTest(db).start(tasks)
    await db.execute("ALTER TABLE channel_keys RENAME TO hidden")
    one.tries(channel, key, Kind.VENDOR_AUTH)
    await asyncio.sleep(0.5)
    await db.execute("ALTER TABLE hidden RENAME TO channel_keys")
    async with asyncio.timeout(5):
        while await db.fetch("SELECT status FROM channel_keys") != [("broken",)]:
            await asyncio.sleep(0.05)
    assert one.rests(channel, key) > 290
    await tasks.close()
    await db.close()
