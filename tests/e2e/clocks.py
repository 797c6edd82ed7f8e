"""A wall clock that jumps by hours, for all processes of a server and for its SQLite; monotonic time goes on as it does."""

import asyncio
import contextlib
import shutil
import sqlite3
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from tests.e2e.money import Book, Customer, Load, Tell, customers, metric, sound, tables, whole
from tests.installation import serve

HOUR = 3600.0
JUMPS = (5 * HOUR, 1 * HOUR, 26 * HOUR, 0.0)
"""Seconds off the true time, one after the other. Never before the start: then no model had a price yet."""
DEARER = 3 * HOUR
"""From then on, all costs three times as much."""
EXPIRES = 2 * HOUR
WHO = customers("ada", "bob", "cleo")
SHORT = Customer("short", "sk-short-lived-key")


@dataclass
class ShiftedClock:
    """What the server takes for the time."""

    file: Path
    environment: dict[str, str]
    shift: float = 0.0

    def set(self, seconds: float) -> None:
        self.shift = seconds
        with self.file.open("r+b") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self.shift, UTC)


@contextlib.contextmanager
def shifted_clock(folder: Path) -> Iterator[ShiftedClock]:
    """Build it. Skips the test where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("a clock that jumps needs a C compiler (cc)")
    library, file = folder / "shifted.so", folder / "shift"
    source = Path(__file__).with_name("shifted.c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    file.write_bytes(bytes(8))
    yield ShiftedClock(file, {"LD_PRELOAD": str(library), "SHIFTED_CLOCK": str(file)})


async def clock_jumps(folder: Path, seconds: float, tell: Tell) -> None:
    """Ids, days, hours, prices and expiries follow the clock; leases, holds and the fence do not."""
    config = folder / "money.toml"
    config.write_text(tables(WHO) + tables([SHORT], prices="") + 'expires = "2h"\n')
    with (
        shifted_clock(folder) as clock,
        serve(folder / "data", "--config", str(config), "--workers", "2", environment=clock.environment) as made,
    ):
        dearer = clock.now().timestamp() + DEARER
        made.run("price", "set", "sandbox/*", "input=3", "output=6", "--from", datetime.fromtimestamp(dearer, UTC).isoformat())
        book = Book()
        async with Load([made.base], WHO, book, clients=6) as load, httpx.AsyncClient(timeout=30) as client:
            for shift in (0.0, *JUMPS):
                await _jump(clock, load, shift, dearer)
                before = set(book.owners)
                await asyncio.sleep(seconds)
                _check_ids(clock, set(book.owners) - before)
                page = load.page()
                assert set(page) == {(200, "")}, (shift, page)
                expected = 401 if shift > EXPIRES else 200
                assert (await whole(client, made.base, SHORT, book))[0] == expected, shift
                assert metric(made, "entrepot_money_fenced") == 0
                tell(f"clock {shift / HOUR:+.0f} h: {page[200, '']} answers")
        await sound(f"sqlite:///{folder / 'data' / 'entrepot.db'}", book, made)
    _check_rows(folder / "data" / "entrepot.db")


async def _jump(clock: ShiftedClock, load: Load, shift: float, dearer: float) -> None:
    """Calls run on; none begins in the moment of the jump, so that it is known by which clock each of them arrived."""
    load.may_begin.clear()
    await asyncio.sleep(0.3)
    clock.set(shift)
    load.book.tariff = 3 if clock.now().timestamp() >= dearer else 1
    load.may_begin.set()


def _check_ids(clock: ShiftedClock, ids: set[str]) -> None:
    assert len(ids) > 10
    midnight = clock.now().hour == 0 or clock.now().hour == 23
    for request in ids:
        assert request[4:12] == f"{clock.now():%Y%m%d}" or midnight, (request, clock.now())


def _check_rows(database: Path) -> None:
    """A row's day is its id's, its hour has its sum and its posting; and both are as far apart as the clock jumped."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT id, day, arrived_at, wallet_id, charge FROM usage WHERE journal IS NOT NULL"
        ).fetchall()
        postings = dict(connection.execute("SELECT reference, -amount FROM ledger WHERE kind = 'usage'"))
    assert all(row[1] == row[0][4:12] for row in rows)
    sums: dict[str, int] = {}
    for _, _, arrived_at, wallet, charge in rows:
        if charge:
            key = f"usage:{wallet}:{arrived_at // 3_600_000_000}"
            sums[key] = sums.get(key, 0) + charge
    assert sums == postings
    assert len({key.rpartition(":")[2] for key in sums}) >= 4
