"""kill -9 at every named crash point, in a process of its own: nothing is lost and nothing is charged twice."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from entrepot.store.url import sqlite_path
from tests.buckets.desks import Bank

ROOT = Path(__file__).parents[2]
NAME = re.compile(r'"([a-z]+(?:\.[a-z]+)?)"')

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
    ("close.retired", 1),
    ("close/between", 2),
    ("close/between", 5),
    ("reborn.begun", 1),
]
ON_POSTGRESQL = {
    ("between", 22),
    ("between", 43),
    ("flush.committed", 2),
    ("grant.committed", 1),
    ("journal.written", 57),
    ("close/between", 5),
    ("reborn.begun", 1),
}
IN_REPLAY = [
    ("replay.interrupted", 1),
    ("replay.flushed", 1),
    ("replay.retired", 1),
    ("flush.planned", 1),
    ("flush.committed", 1),
    *(("between", number) for number in (3, 9, 16, 24, 32)),
]


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


@pytest.mark.parametrize(("point", "count"), IN_REPLAY)
async def test_killed_in_the_replay_of_one_that_was_killed(bank: Bank, database_url: str, point: str, count: int) -> None:
    if sqlite_path(database_url) is None and not point.startswith("replay"):
        pytest.skip("on SQLite only: the point is on this side of the database")
    wallet = await bank.wallet(50_000)
    earned = await kill(bank, database_url, wallet, "journal.written", 40)
    assert await kill(bank, database_url, wallet, point, count) == {}
    await check(bank, earned, wallet, 50_000)


def test_every_point_is_tried_and_explained() -> None:
    """The names in the code, in these tests, and in docs/decisions/0005 are the same."""
    texts = [path.read_text() for folder in ("buckets", "store") for path in (ROOT / "src/entrepot" / folder).glob("*.py")]
    named = {name for text in texts for call in re.findall(r"(?:crash|between)\((.*)\)\n", text) for name in NAME.findall(call)}
    table = (ROOT / "docs/decisions/0005-money.md").read_text().partition("## Crash points")[2].partition("\n## ")[0]
    explained = {name for row in re.findall(r"^\| (`[^:]*):", table, re.MULTILINE) for name in re.findall(r"`([a-z.]+)`", row)}
    assert named == explained == {point for point, _ in (*POINTS, *IN_REPLAY)} - {"close/between"}
