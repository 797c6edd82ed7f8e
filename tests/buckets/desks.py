"""What the tests of money share: wallets, lines, desks that move only when told to."""

import contextlib
import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from entrepot.buckets import accounts
from entrepot.buckets.desk import Buckets, Options
from entrepot.buckets.figures import Figures
from entrepot.buckets.journal import Journal
from entrepot.buckets.rows import Line
from entrepot.buckets.verify import Report, verify
from entrepot.kit.clock import Clock, ManualClock
from entrepot.store.contract import Database

QUIET = Options(background=False, segment_size=128 * 1024, patience=1.0)
LIVELY = Options(tick=0.02, retry=0.005, segment_size=4 << 20, care=600.0)


class Bank:
    """One database with wallets in it."""

    def __init__(self, db: Database, data_dir: Path) -> None:
        self.db = db
        self.data_dir = data_dir
        self.clock = ManualClock()
        self._numbers = itertools.count(1)

    async def wallet(self, nano: int) -> int:
        number = next(self._numbers)
        wallet = await accounts.open_bucket(self.db, "wallet", f"wallet:test:{number}")
        assert await accounts.credit(self.db, wallet, nano, kind="topup", reference=f"opening:{number}")
        return wallet

    async def quota(self, nano: int) -> int:
        return await accounts.open_bucket(self.db, "quota", f"quota:test:{next(self._numbers)}", nano)

    def options(self, **changes: Any) -> Options:
        return dataclasses.replace(QUIET, **changes)

    async def desk(
        self,
        options: Options = QUIET,
        crash: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
        figures: Figures | None = None,
    ) -> Buckets:
        return await Buckets.open(self.db, self.data_dir, clock or self.clock, options, crash, figures=figures)

    def line(self, outcome: str = "ok", **columns: Any) -> Line:
        return line(f"req_{next(self._numbers):08d}", outcome=outcome, **columns)

    async def total(self, bucket: int) -> int:
        balance = await accounts.balance(self.db, bucket)
        assert balance is not None
        return balance.total

    async def sound(self) -> Report:
        report = await verify(self.db)
        assert report.ok, report.findings
        return report


def line(request: str, **columns: Any) -> Line:
    facts: dict[str, Any] = {
        "id": request,
        "day": "20270115",
        "arrived_at": 1_800_000_000_000_000,
        "operation": "chat",
        "dialect": "chat",
        "status": 200,
        "outcome": "ok",
        "model": "sandbox/echo",
        "stream": 0,
        "address": "127.0.0.1",
        "basis": "vendor",
    }
    return Line(**(facts | columns))


@contextlib.contextmanager
def refused(journal: Journal) -> Iterator[None]:
    """The disk refuses to be written: the journal's file is open for reading only."""
    good = journal._fd
    bad = journal._fd = os.open(os.devnull if good < 0 else f"/proc/self/fd/{good}", os.O_RDONLY)
    try:
        yield
    finally:
        if journal._fd == bad:
            os.close(bad)
            journal._fd = good
        elif good >= 0:  # the journal was closed meanwhile
            os.close(good)


def die(desk: Buckets) -> None:
    """What a kill leaves: files and rows as they are, the lock free. Background tasks must not run."""
    desk.flusher.journal.close()
