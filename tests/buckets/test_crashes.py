"""kill -9 at every named crash point, in a process of its own: nothing is lost and nothing is charged twice."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.store.url import sqlite_path
from tests.buckets.desks import Bank

ROOT = Path(__file__).parents[2]

POINTS = [
    ("journal.written", 1),
    ("journal.written", 57),
    ("journal.rolled", 2),
    ("journal.spare", 3),
    ("flush.planned", 4),
    ("flush.committed", 2),
    ("grant.committed", 1),
    ("open.folder", 1),
    ("open.registered", 1),
    *(("between", number) for number in (1, 2, 8, 15, 22, 29, 36, 43, 50, 57)),
]
ON_POSTGRESQL = {("between", 22), ("between", 43), ("flush.committed", 2), ("grant.committed", 1), ("journal.written", 57)}


async def kill(bank: Bank, url: str, wallet: int, point: str, count: int) -> dict[str, int]:
    """Run a victim; gives its own account of what it earned."""
    command = [sys.executable, "-m", "tests.buckets.victim", url, str(bank.data_dir), str(wallet), point, str(count)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    run = await asyncio.to_thread(
        lambda: subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
    )
    assert run.returncode == -signal.SIGKILL, f"the point was not reached\n{run.stderr.decode()}"
    return {name: int(charge) for name, charge in (text.split() for text in run.stdout.decode().splitlines())}


async def check(bank: Bank, earned: dict[str, int], wallet: int, opening: int, *, calls_in_flight: int = 3) -> None:
    """After a successor has come: each finished call is charged once and right, each other was in flight."""
    heir = await bank.desk()
    rows = {row[0]: row[1:] for row in await bank.db.fetch("SELECT id, charge, outcome FROM usage")}
    report = await bank.sound()
    assert {name: rows.get(name, (0,))[0] for name in earned} == earned
    others = [row for name, row in rows.items() if name not in earned]
    # One may have been written to the journal and killed before it was told to its client.
    assert len([row for row in others if row[1] != "interrupted"]) <= 1, others
    assert len(others) <= calls_in_flight
    assert (report.outstanding, report.shortfall) == (0, 0)
    assert await bank.total(wallet) == opening - sum(row[0] for row in rows.values())
    await heir.close()
    await bank.sound()


@pytest.mark.parametrize(("point", "count"), POINTS)
async def test_killed_at(bank: Bank, database_url: str, point: str, count: int) -> None:
    if sqlite_path(database_url) is None and (point, count) not in ON_POSTGRESQL:
        pytest.skip("on SQLite only: the point is on this side of the database")
    wallet = await bank.wallet(50_000)
    await check(bank, await kill(bank, database_url, wallet, point, count), wallet, 50_000)


@pytest.mark.parametrize("point", ["replay.interrupted", "replay.flushed", "replay.retired"])
async def test_killed_in_the_replay_of_one_that_was_killed(bank: Bank, database_url: str, point: str) -> None:
    wallet = await bank.wallet(50_000)
    earned = await kill(bank, database_url, wallet, "journal.written", 40)
    if sqlite_path(database_url) is not None:
        # Its leases are returned by the replay; the database must know of them first.
        assert await kill(bank, database_url, wallet, "between", 9) == {}
    assert await kill(bank, database_url, wallet, point, 1) == {}
    await check(bank, earned, wallet, 50_000)
