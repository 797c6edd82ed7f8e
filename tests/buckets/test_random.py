"""Random lives of several workers against a simple model: what was settled is paid once, and nothing else ever is."""

import asyncio
import itertools
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from entrepot.buckets import accounts, replay
from entrepot.buckets.desk import Buckets, Options
from entrepot.buckets.errors import InsufficientError, OnHoldError
from entrepot.buckets.held import Held
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.verify import verify
from entrepot.control.retention import rules
from entrepot.kit.clock import ManualClock
from entrepot.store.raw import Database, open_database
from entrepot.store.url import sqlite_path
from tests.buckets.conftest import clean
from tests.buckets.desks import die, line
from tests.databases import Databases

OPTIONS = Options(background=False, segment_size=32 * 1024, patience=60.0)
WORKERS = 3
ENDED = next(found for found in rules.DELETIONS if found.rule is rules.BUDGETS)

_worker = st.integers(0, WORKERS - 1)
_amount = st.sampled_from([0, 1, 7, 30, 100, 333])
_caps = st.sampled_from([(), ("quota",), ("budget",), ("quota", "budget")])
CAPS = {"quota": 600, "budget": 400}
STEP = st.one_of(
    st.tuples(st.just("hold"), _worker, _amount, _caps),
    st.tuples(st.just("hold"), _worker, _amount, _caps),
    st.tuples(st.just("renew")),
    st.tuples(st.just("purge")),
    st.tuples(st.just("grow"), st.integers(0, 9), _amount),
    st.tuples(st.just("progress"), st.integers(0, 9), _amount),
    st.tuples(st.just("settle"), st.integers(0, 9), _amount),
    st.tuples(st.just("settle"), st.integers(0, 9), _amount),
    st.tuples(st.just("release"), st.integers(0, 9)),
    st.tuples(st.just("step"), _worker),
    st.tuples(st.just("step"), _worker),
    st.tuples(st.just("crash"), _worker),
    st.tuples(st.just("care"), _worker),
    st.tuples(st.just("retire"), _worker),
    st.tuples(st.just("credit"), _amount),
    st.tuples(st.just("charge"), _worker, _amount),
    st.tuples(st.just("later"), st.sampled_from([1, 20, 70, 130])),
)


class Running:
    """A call of the model."""

    def __init__(self, worker: int, held: Held, request: str) -> None:
        self.worker = worker
        self.held = held
        self.request = request
        self.progress: int | None = None


class World:
    """Workers on one database, and what they should have done."""

    def __init__(self, db: Database, folder: Path, number: "itertools.count[int]") -> None:
        self.db = db
        self.folder = folder
        self.numbers = number
        self.clock = ManualClock()
        self.desks: list[Buckets] = []
        self.running: list[Running] = []
        self.due: dict[str, int] = {}
        self.limits: dict[int, int] = {}
        """Caps by bucket, those of periods that have ended among them."""
        self.owed: Counter[int] = Counter()
        """By cap, what the calls cost that had reserved there."""
        self.credited = 0
        self.late = 0
        """Credited after a call had settled: its charge may have been flushed, and paid by the house, before that came."""
        self.charged_now = 0
        self.retired = False
        self.peak = 0
        """The most that was held at once: money that is held does not pay for others."""

    async def open(self, opening: int) -> None:
        self.wallet = await accounts.open_bucket(self.db, "wallet", f"wallet:random:{next(self.numbers)}")
        self.caps = {kind: await self.cap(kind) for kind in CAPS}
        await self.credit(opening)
        self.desks = [await self.desk() for _ in range(WORKERS)]

    async def cap(self, kind: str) -> int:
        bucket = await accounts.open_bucket(self.db, kind, f"{kind}:random:{next(self.numbers)}", CAPS[kind])
        self.limits[bucket] = CAPS[kind]
        return bucket

    async def desk(self) -> Buckets:
        return await Buckets.open(self.db, self.folder, self.clock, OPTIONS)

    async def run(self, step: tuple[Any, ...]) -> None:
        await getattr(self, step[0])(*step[1:])
        await self.check()

    async def hold(self, worker: int, nano: int, kinds: tuple[str, ...]) -> None:
        wants = [(bucket, nano) for bucket in (self.wallet, *(self.caps[kind] for kind in kinds))]
        desk = self.desks[worker]
        if desk.fenced:
            await desk.step()
        task = asyncio.ensure_future(desk.hold(wants))
        for _ in range(12):
            await asyncio.sleep(0)
            if task.done():
                break
            for each in (desk, *self.desks):
                await each.step()
        assert task.done(), "nobody decides"
        try:
            held = await task
        except InsufficientError as error:
            self.refused(error.bucket, nano)
        except OnHoldError:
            # All that is not held by a call that runs has been given back before anybody is told to wait.
            if not self.retired:
                assert any(sum(call.held.amounts.values()) for call in self.running), "on hold, but nothing is held"
        else:
            self.running.append(Running(worker, held, f"req_{next(self.numbers)}"))

    async def grow(self, index: int, nano: int) -> None:
        if call := self.pick(index):
            call.held.grow(nano)

    async def progress(self, index: int, nano: int) -> None:
        if call := self.pick(index):
            call.progress = min(nano, call.held.amounts[self.wallet])
            call.held.progress(call.progress, line(call.request))

    async def settle(self, index: int, nano: int) -> None:
        if call := self.pick(index):
            call.held.settle(nano, line(call.request))
            self.costs(call, nano)
            self.running.remove(call)

    async def release(self, index: int) -> None:
        if call := self.pick(index):
            call.held.release()
            self.running.remove(call)

    def refused(self, bucket: int, nano: int) -> None:
        """For good: with all charges in the database, the bucket has less."""
        paid = self.charged_now + sum(self.due.values())
        left = self.credited - paid if bucket == self.wallet else self.limits[bucket] - self.owed[bucket]
        assert left < nano, "refused for good, but it could pay"

    def costs(self, call: Running, nano: int) -> None:
        self.due[call.request] = nano
        self.owed.update({bucket: nano for bucket in call.held.amounts if bucket != self.wallet})

    async def renew(self) -> None:
        """The budget's period ends: who calls from here on finds a fresh bucket, who runs settles in the old one."""
        await self.db.execute("UPDATE buckets SET ends_at = 1 WHERE id = $1", self.caps["budget"])
        self.caps["budget"] = await self.cap("budget")

    async def purge(self) -> None:
        """Retention, long after the end of all periods that have ended."""
        await rules.delete_some(self.db, ENDED, 1 << 62)

    def pick(self, index: int) -> Running | None:
        return self.running[index % len(self.running)] if self.running else None

    async def step(self, worker: int) -> None:
        await self.desks[worker].step()

    async def crash(self, worker: int) -> None:
        die(self.desks[worker])
        for call in [call for call in self.running if call.worker == worker]:
            self.running.remove(call)
            if call.progress is not None:
                self.costs(call, call.progress)
        self.desks[worker] = await self.desk()

    async def care(self, worker: int) -> None:
        await self.desks[worker].care()

    async def retire(self, worker: int) -> None:
        """Another node believes that all are silent."""
        self.retired = True
        await replay.retire_silent(self.db, -10_000_000)

    async def credit(self, nano: int) -> None:
        assert await accounts.credit(self.db, self.wallet, nano, kind="topup", reference=f"r:{next(self.numbers)}")
        self.credited += nano
        self.late += nano if self.due else 0

    async def charge(self, worker: int, nano: int) -> None:
        try:
            await accounts.charge(self.db, self.wallet, nano, kind="task", reference=f"c:{next(self.numbers)}")
        except InsufficientError:
            return
        self.charged_now += nano

    async def later(self, seconds: int) -> None:
        self.clock.advance(seconds)

    async def check(self) -> None:
        self.peak = max(self.peak, sum(call.held.amounts[self.wallet] for call in self.running))
        report = await verify(self.db)
        assert report.ok, report.findings
        for bucket, used in (await self.used()).items():
            assert 0 <= used <= min(self.limits[bucket], self.owed[bucket]), "more than its cap, or more than was charged"
        for desk in self.desks:
            for account in desk.flusher.accounts.values():
                spoken_for = account.flushed + account.unflushed + account.held + account.returning
                assert account.available == account.granted - spoken_for
                assert account.flushed <= account.granted

    async def used(self) -> dict[int, int]:
        """By cap, what the database says that was spent; buckets that retention has deleted are left out."""
        found = {bucket: await accounts.balance(self.db, bucket) for bucket in self.limits}
        return {bucket: self.limits[bucket] - balance.total for bucket, balance in found.items() if balance is not None}

    async def close(self) -> None:
        for call in list(self.running):
            call.held.release()
        for desk in self.desks:
            await desk.close()
        await self.check()
        rows = await self.db.fetch("SELECT id, charge, shortfall FROM usage WHERE wallet_id = $1", self.wallet)
        assert {row[0]: row[1] + row[2] for row in rows} == self.due
        shortfall, paid = sum(row[2] for row in rows), sum(row[1] for row in rows)
        balance = await accounts.balance(self.db, self.wallet)
        assert balance is not None
        assert (balance.outstanding, balance.remaining) == (0, self.credited - self.charged_now - paid)
        spare = max(self.due.values(), default=0) + self.peak
        assert shortfall == 0 or balance.remaining < spare + self.late, "the house paid what the wallet could have paid"
        for bucket, used in (await self.used()).items():
            unpaid, left = self.owed[bucket] - used, self.limits[bucket] - used
            assert unpaid == 0 or left < spare, "not counted, although the cap had room"


async def live(url: str, number: "itertools.count[int]", opening: int, steps: list[tuple[Any, ...]]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="entrepot-random-"))
    await clean(url)  # `verify` reads all there is, after every step
    db = await open_database(url)
    world = World(db, folder, number)
    try:
        await world.open(opening)
        for step in steps:
            await world.run(step)
        await world.close()
    finally:
        await db.close()
        shutil.rmtree(folder)


@pytest.mark.parametrize(("kind", "examples"), [("sqlite", 100), ("postgresql", 20)])
def test_random_lives(databases: Databases, kind: str, examples: int) -> None:
    url = databases.migrated(kind)
    number = itertools.count(1)

    @settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(st.sampled_from([0, 50, 500, 5_000, 1_000_000]), st.lists(STEP, min_size=5, max_size=40))
    def lives(opening: int, steps: list[tuple[Any, ...]]) -> None:
        asyncio.run(live(url, number, opening, steps))

    lives()
    databases.drop(url)


def test_house_is_the_first_bucket(databases: Databases) -> None:
    url = databases.migrated("sqlite")
    assert sqlite_path(url) is not None

    async def ask() -> list[tuple[Any, ...]]:
        db = await open_database(url)
        try:
            return await db.fetch("SELECT kind FROM buckets WHERE id = $1", HOUSE)
        finally:
            await db.close()

    assert asyncio.run(ask()) == [("house",)]
