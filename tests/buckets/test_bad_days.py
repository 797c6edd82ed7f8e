"""Database away, answers lost, disk full, clocks that jump, a process that is paused: nothing lost, nothing double."""

import asyncio
import collections
import contextlib
import dataclasses
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from entrepot.buckets import replay
from entrepot.buckets.desk import Options
from entrepot.buckets.errors import FencedError, JournalError
from entrepot.buckets.record import Settle, encode
from entrepot.buckets.verify import verify
from entrepot.kit.clock import ManualClock, SystemClock
from entrepot.store.contract import Dialect, Row, Statement, Step, StoreAwayError, nothing_between
from entrepot.store.migrate import migrate
from entrepot.store.raw import Database, open_database
from entrepot.store.sqlite import open_sqlite
from entrepot.store.url import sqlite_path
from tests.buckets.desks import LIVELY, Bank, die, line
from tests.buckets.test_desk import hold
from tests.databases import Databases, PostgresServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def sqlite_file(databases: Databases) -> Path:
    path = sqlite_path(databases.migrated("sqlite"))
    assert path is not None
    return path


async def test_sqlite_locked_while_calls_go_on(sqlite_file: Path, tmp_path: Path) -> None:
    path = sqlite_file
    bank = Bank(await open_sqlite(path, busy_timeout=0.05), tmp_path)
    wallet = await bank.wallet(10_000_000)
    desk = await bank.desk(LIVELY, clock=SystemClock())
    (await desk.hold([(wallet, 100)])).release()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    for _ in range(5):
        held = desk.try_hold([(wallet, 100)])
        assert held is not None, "a leased account goes on"
        held.settle(10, bank.line())
        await asyncio.sleep(0.04)
    assert desk.lag > 0
    with pytest.raises(FencedError):
        await desk.hold([(await _cold(bank), 1)])
    blocker.execute("ROLLBACK")
    blocker.close()
    await desk.close()
    assert (await bank.sound()).charged == 50
    await bank.db.close()


async def _cold(bank: Bank) -> int:
    return 424_242


async def test_a_database_that_hangs_is_not_a_balance_on_hold(sqlite_file: Path, tmp_path: Path) -> None:
    """The round that would know has not come back: 503, and not the client's own fault."""
    bank = Bank(await open_sqlite(sqlite_file, busy_timeout=5.0), tmp_path)
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk(dataclasses.replace(LIVELY, patience=0.2), clock=SystemClock())
    blocker = sqlite3.connect(sqlite_file, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(FencedError, match="away"):
        await desk.hold([(wallet, 1)])
    blocker.execute("ROLLBACK")
    blocker.close()
    (await desk.hold([(wallet, 1)])).release()
    await desk.close()
    await bank.db.close()


async def test_a_database_away_is_told_once(sqlite_file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bank = Bank(await open_sqlite(sqlite_file, busy_timeout=0.0), tmp_path)
    desk = await bank.desk(dataclasses.replace(LIVELY, heartbeat=0.0), clock=SystemClock())
    blocker = sqlite3.connect(sqlite_file, isolation_level=None)
    with caplog.at_level(logging.WARNING, "entrepot.buckets"):
        for _ in range(2):
            blocker.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0.2)
            blocker.execute("ROLLBACK")
            await asyncio.sleep(0.2)
    blocker.close()
    assert [record.message for record in caplog.records] == ["database away", "database back"] * 2
    await desk.close()
    await bank.db.close()


async def test_postgresql_stops_and_comes_back(postgres_server: PostgresServer, tmp_path: Path) -> None:
    await asyncio.to_thread(migrate, postgres_server.url())
    bank = Bank(await open_database(postgres_server.url()), tmp_path)
    wallet = await bank.wallet(10_000_000)
    desk = await bank.desk(LIVELY, clock=SystemClock())
    running = await desk.hold([(wallet, 100)])
    charged = 0
    for mode in ("immediate", "fast"):
        await asyncio.to_thread(postgres_server.stop, mode)
        for _ in range(10):
            held = desk.try_hold([(wallet, 100)])
            assert held is not None
            held.settle(7, bank.line())
            charged += 7
            await asyncio.sleep(0.01)
        await asyncio.to_thread(postgres_server.start)
        for _ in range(200):
            if desk.lag == 0 and desk.flusher.sure:
                break
            await asyncio.sleep(0.05)
        assert (await bank.sound()).charged == charged
    running.settle(50, bank.line())
    await desk.close()
    assert (await bank.sound()).charged == charged + 50
    await bank.db.close()


class LostAnswers:
    """The line to a real database, on which every n-th transaction is done and its answer is lost, or not even sent."""

    def __init__(self, db: Database, every: int) -> None:
        self._db = db
        self._every = every
        self._count = 0

    @property
    def dialect(self) -> Dialect:
        return self._db.dialect

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        self._count += 1
        if self._count % (2 * self._every) == 0:
            raise StoreAwayError("the line broke before it was sent")
        rows = await self._db.change(work, between)
        if self._count % self._every == 0:
            raise StoreAwayError("the line broke before the answer came")
        return rows

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        return await self._db.fetch(sql, *values)

    async def execute(self, sql: str, *values: Any) -> int:
        return await self._db.execute(sql, *values)

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        return await self._db.read(work)

    async def transaction(self, work: Any) -> list[int]:
        return await self._db.transaction(work)

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        return False

    async def close(self) -> None:
        await self._db.close()


@pytest.mark.parametrize("every", [2, 3, 5])
async def test_unknown_outcomes_are_read_back(bank: Bank, every: int) -> None:
    wallet, quota = await bank.wallet(100_000), await bank.quota(80_000)
    desk = await bank.desk(LIVELY, clock=SystemClock())
    desk.flusher.db = LostAnswers(bank.db, every)
    charged = 0
    for turn in range(60):
        held = await desk.hold([(wallet, 300), (quota, 300)])
        if turn % 5:
            held.settle(turn * 3, bank.line())
            charged += turn * 3
        else:
            held.release()
        await asyncio.sleep(0.003)
    desk.flusher.db = bank.db
    await desk.close()
    report = await bank.sound()
    assert (report.charged, report.shortfall, report.outstanding) == (charged, 0, 0)
    assert await bank.total(quota) == 80_000 - charged


async def test_opening_on_a_bad_line_leaves_nothing_behind(bank: Bank) -> None:
    straight = bank.db
    for every in (1, 2, 3, 4, 5, 6):
        bank.db = LostAnswers(straight, every)
        with contextlib.suppress(StoreAwayError):
            die(await bank.desk())
    bank.db = straight
    heir = await bank.desk()
    report = await bank.sound()
    assert (report.open_journals, report.outstanding) == (1, 0)
    await heir.close()


@pytest.mark.parametrize("bad", ["twice", "negative", "garbage", "unknown bucket", "huge"])
async def test_a_poisoned_record_is_parked_alone(bank: Bank, bad: str) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    lines = [bank.line() for _ in range(9)]
    for number, each in enumerate(lines):
        held = await hold(desk, (wallet, 100))
        if number == 4:
            poison(desk, wallet, bad, lines[0])
        held.settle(10, each)
    for _ in range(4):
        await desk.step()
    assert desk.lag == 0
    assert desk.figures.rejects == 1
    rejects = await bank.db.fetch("SELECT journal_id, length(record) > 0, error FROM journal_rejects")
    assert [row[:2] for row in rejects] == [(desk.flusher.journal.id, True)] or rejects[0][1] == 1
    report = await desk_report(bank)
    assert report.charged == 90
    assert len(report.findings) == 1
    assert "parked" in report.findings[0]
    (await hold(desk, (wallet, 100))).settle(10, bank.line())
    await desk.close()
    assert await bank.total(wallet) == 1_000_000 - 100


def poison(desk: Any, wallet: int, bad: str, first: Any) -> None:
    payload = {
        "twice": encode(Settle(first, ((wallet, 10),))),
        "negative": encode(Settle(line("req_negative"), ((wallet, -5),))),
        "garbage": b"\xc1 not a record",
        "unknown bucket": encode(
            Settle(line("req_unknown", prompt_tokens=2**63 - 1, total_us=-(2**63)), ((wallet, 5),), 2**64 - 1)
        ),
        "huge": encode(Settle(line("req_huge", arrived_at=2**64 - 1), ((wallet, 5),))),
    }
    desk.flusher.journal.append(payload[bad])


async def desk_report(bank: Bank) -> Any:
    return await verify(bank.db)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "none", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a small file system needs the right to mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    with (folder / "filler").open("ab", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))


async def test_full_disk_lets_running_calls_settle(database_url: str, small_disk: Path) -> None:
    bank = Bank(await open_database(database_url), small_disk)
    wallet = await bank.wallet(100_000_000)
    desk = await bank.desk(Options(background=False, segment_size=128 * 1024, patience=1.0))
    (await hold(desk, (wallet, 100_000))).release()
    running = []
    while (held := desk.try_hold([(wallet, 100)])) is not None:
        running.append(held)
    with pytest.raises(OSError, match="No space"):
        fill(small_disk)
    with pytest.raises((FencedError, OSError)):
        await asyncio.gather(desk.hold([(wallet, 100)]), desk.step())
    for held in running:
        held.progress(3, bank.line())
        held.settle(5, bank.line(attempts="x" * 3000, dropped="y" * 9000))
    assert len(running) > 15
    append = desk.flusher.journal.append
    with pytest.raises(JournalError):
        collections.deque((append(bytes(1000)) for _ in range(2000)), maxlen=0)
    (small_disk / "filler").unlink()
    await bank.db.close()
    die(desk)


async def test_full_disk_does_not_stop_the_flush(database_url: str, small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The database is elsewhere: what is earned is stored, and what is stored makes room for what comes."""
    bank = Bank(await open_database(database_url), small_disk)
    wallet = await bank.wallet(100_000_000)
    desk = await bank.desk(dataclasses.replace(LIVELY, segment_size=64 * 1024), clock=SystemClock())
    (await desk.hold([(wallet, 100_000)])).release()
    with pytest.raises(OSError, match="No space"):
        fill(small_disk)
    charged = 0
    with caplog.at_level(logging.WARNING, "entrepot.buckets"):
        for _ in range(2000):  # about ten segments
            held = await desk.hold([(wallet, 100)])
            held.settle(5, bank.line())
            charged += 5
            if charged % 500 == 0:
                await asyncio.sleep(0.05)
    await desk.close()
    assert len([record for record in caplog.records if "space" in record.message]) <= 10, "told by the segment"
    assert (await bank.sound()).charged == charged
    await bank.db.close()


async def test_clocks_that_jump(bank: Bank) -> None:
    """The wall clock may say anything; hours come from the calls, fences from the monotonic clock."""
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    for wall in (0.0, 4e9, 1_800_000_000.0, -5.0):
        bank.clock._wall = wall
        (await hold(desk, (wallet, 100))).settle(10, bank.line(arrived_at=int(wall * 1e6)))
        await desk.step()
        assert not desk.fenced
        await desk.care()
    report = await bank.sound()
    assert report.charged == 40
    assert len(await bank.db.fetch("SELECT hour FROM usage_hourly")) == 3
    await desk.close()


async def test_database_clock_that_jumps(bank: Bank) -> None:
    """All look silent at once: whoever retires them, each goes on in a new life."""
    wallet = await bank.wallet(1_000_000)
    desks = [await bank.desk(clock=ManualClock()) for _ in range(3)]
    held = [await hold(desk, (wallet, 100)) for desk in desks]
    await bank.db.execute("UPDATE incarnations SET seen_at = seen_at - 3600000000")
    assert await replay.retire_silent(bank.db) == 3
    for desk, one in zip(desks, held, strict=True):
        one.settle(30, bank.line())
        await desk.step()
        await desk.step()
        assert desk.figures.reborn == 1
        await bank.sound()
    for desk in desks:
        await desk.close()
    report = await bank.sound()
    assert (report.charged, report.shortfall, report.outstanding) == (90, 0, 0)


async def test_a_worker_that_was_paused_and_retired(bank: Bank, database_url: str) -> None:
    """SIGSTOP, retirement by others, SIGCONT: it settles what it had, and owes nothing twice."""
    wallet = await bank.wallet(50_000)
    command = [sys.executable, "-m", "tests.buckets.victim", database_url, str(bank.data_dir), str(wallet), "never", "1"]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    victim = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    assert victim.stdout is not None
    earned = [victim.stdout.readline() for _ in range(5)]
    os.kill(victim.pid, signal.SIGSTOP)
    # It may have been stopped inside of a transaction: then its locks are the others' after five seconds.
    other = await bank.desk(bank.options(patience=20.0), clock=ManualClock())
    await asyncio.sleep(0.05)
    await bank.db.execute("UPDATE incarnations SET seen_at = 0 WHERE id <> $1", other.flusher.incarnation)
    deadline = time.monotonic() + 10
    while not await _retired(bank) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    (await hold(other, (wallet, 100))).settle(100, bank.line())
    await other.close()
    os.kill(victim.pid, signal.SIGCONT)
    out = await asyncio.to_thread(victim.stdout.read)
    assert victim.wait(30) == 0
    lines = b"".join([*earned, out]).decode().split("\n")[:-1]
    charges = {name: int(charge) for name, charge in (text.split() for text in lines)}
    rows = dict(await bank.db.fetch("SELECT id, charge + shortfall FROM usage WHERE id LIKE 'req_%\\_%' ESCAPE '\\'"))
    report = await bank.sound()
    assert {name: rows[name] for name in charges} == charges
    assert (report.shortfall, report.outstanding, report.open_journals) == (0, 0, 0)
    assert await bank.total(wallet) == 50_000 - 100 - sum(charges.values())


async def _retired(bank: Bank) -> bool:
    # On SQLite it is the database that waits.
    try:
        return await replay.retire_silent(bank.db) > 0
    except StoreAwayError:
        return False
