"""What is SQLite's own: the file, its locks, its durability."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.store.contract import Many, Statement, StoreAwayError, StoreError
from entrepot.store.sqlite import open_sqlite
from entrepot.store.url import sqlite_path
from tests.databases import Databases


@pytest.fixture
def path(databases: Databases) -> Path:
    found = sqlite_path(databases.migrated("sqlite"))
    assert found is not None
    return found


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process's write lock."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreAwayError):
        await open_sqlite(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"hello" * 1000)
    with pytest.raises(StoreAwayError):
        await open_sqlite(tmp_path / "x.db")


async def test_locked_beyond_the_timeout_is_away_and_passes(path: Path) -> None:
    db = await open_sqlite(path, busy_timeout=0.2)
    write = "INSERT INTO settings (name, value) VALUES ($1, 'x')"
    with locked(path):
        started = time.monotonic()
        with pytest.raises(StoreAwayError):
            await db.transaction([Statement(write, ("a",))])
        with pytest.raises(StoreAwayError):
            await db.execute(write, "b")
        assert 0.3 < time.monotonic() - started < 3
        assert await db.fetch("SELECT count(*) FROM settings") == [(0,)]  # readers are not in a writer's way
    assert await db.execute(write, "a") == 1
    await db.close()


async def test_readers_do_not_stand_behind_a_writer_that_waits(path: Path) -> None:
    """Key look-ups and the change feed, while another process holds the lock for seconds."""
    db = await open_sqlite(path, busy_timeout=3)
    with locked(path):
        waiting = asyncio.get_running_loop().create_task(db.execute("DELETE FROM feed"))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        assert await db.fetch("SELECT v FROM feed_head") == [(0,)]
        assert await db.read([Statement("SELECT v FROM feed_head"), Statement("SELECT 1")]) == [[(0,)], [(1,)]]
        assert time.monotonic() - started < 0.5
        assert not waiting.done()
    assert await waiting == 0
    await db.close()


async def test_what_was_written_is_read(path: Path) -> None:
    db = await open_sqlite(path)
    for number in range(300):
        await db.execute("UPDATE feed_head SET v = $1", number)
        assert await db.fetch("SELECT v FROM feed_head") == [(number,)]
    await db.close()


async def test_the_outcome_of_an_abandoned_write_is_waited_for(path: Path) -> None:
    """Who is cancelled in a write reads back what became of it; the answer must be final."""
    db = await open_sqlite(path, busy_timeout=5)
    with locked(path):
        writing = asyncio.get_running_loop().create_task(db.execute("UPDATE feed_head SET v = 7"))
        await asyncio.sleep(0.1)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        reading = asyncio.get_running_loop().create_task(db.fetch("SELECT v FROM feed_head"))
        await asyncio.sleep(0.1)
        assert not reading.done()
    assert await reading == [(7,)]
    await db.close()


async def test_a_read_changes_nothing(path: Path) -> None:
    db = await open_sqlite(path)
    with pytest.raises(StoreError):
        await db.read([Statement("DELETE FROM feed_head")])
    assert await db.fetch("UPDATE feed_head SET v = 3 RETURNING v") == [(3,)]
    assert await db.fetch("SELECT v FROM feed_head") == [(3,)]
    await db.close()


async def test_a_short_lock_is_waited_for(path: Path) -> None:
    db = await open_sqlite(path, busy_timeout=5)
    with locked(path):
        waiting = asyncio.get_running_loop().create_task(db.transaction([Many("DELETE FROM feed WHERE v = $1", [(1,)])]))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    assert await waiting == [1]
    await db.close()


async def test_the_loop_goes_on_while_a_lock_is_waited_for(path: Path) -> None:
    db = await open_sqlite(path, busy_timeout=0.3)
    with locked(path):
        waiting = asyncio.get_running_loop().create_task(db.execute("DELETE FROM feed"))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(StoreAwayError):
            await waiting
    assert turns > 5
    await db.close()


@pytest.mark.parametrize(("fsync", "synchronous"), [(False, 1), (True, 2)])
async def test_pragmas(path: Path, fsync: bool, synchronous: int) -> None:
    db = await open_sqlite(path, fsync=fsync)
    assert await db.fetch("PRAGMA journal_mode") == [("wal",)]
    assert await db.fetch("PRAGMA synchronous") == [(synchronous,)]
    assert await db.fetch("PRAGMA foreign_keys") == [(1,)]
    await db.close()


async def test_a_path_with_odd_characters(path: Path, tmp_path: Path) -> None:
    odd = tmp_path / "a?b#c%20d 中.db"
    odd.write_bytes(path.read_bytes())
    db = await open_sqlite(odd)
    assert await db.fetch("SELECT v FROM feed_head") == [(0,)]
    await db.close()
