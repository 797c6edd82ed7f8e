"""Usage rows: in batches, soon, and kept while the database is away."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence

import pytest

from entrepot.core.record import Record
from entrepot.kit.clock import ManualClock
from entrepot.kit.tasks import TaskGroup
from entrepot.observe.usage import BATCH, UsageWriter
from entrepot.store.contract import StoreAwayError


class _Store:
    """Keeps what is written; can be away, slow, or refuse a record."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.away = False
        self.refused = ""
        self.tries = 0

    @property
    def ids(self) -> list[str]:
        return [name for batch in self.batches for name in batch]

    async def write(self, records: Sequence[Record]) -> None:
        self.tries += 1
        await asyncio.sleep(0)
        if self.away:
            raise StoreAwayError("away")
        names = [record.id for record in records]
        if self.refused in names:
            raise TypeError("cannot be stored")
        self.batches.append(names)


@pytest.fixture
async def tasks() -> AsyncIterator[TaskGroup]:
    group = TaskGroup()
    yield group
    await group.close()


@pytest.fixture
def store() -> _Store:
    return _Store()


async def _until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_record_is_stored_soon(record, store: _Store, tasks: TaskGroup) -> None:
    usage = UsageWriter(store.write, ManualClock(), tasks)
    started = time.perf_counter()
    for name in "abc":
        usage.observe(record(id=name))
    assert usage.waiting == 3
    await _until(lambda: store.ids)
    assert time.perf_counter() - started < 1
    assert store.batches == [["a", "b", "c"]]
    await _until(lambda: usage.waiting == 0)


async def test_many_records_do_not_wait_and_go_in_batches(record, store: _Store, tasks: TaskGroup) -> None:
    usage = UsageWriter(store.write, ManualClock(), tasks)
    await asyncio.sleep(0)
    for number in range(2 * BATCH + 1):
        usage.observe(record(id=str(number)))
    started = time.perf_counter()
    await _until(lambda: len(store.ids) == 2 * BATCH + 1)
    assert time.perf_counter() - started < 0.2
    assert [len(batch) for batch in store.batches] == [BATCH, BATCH, 1]
    assert store.ids == [str(number) for number in range(2 * BATCH + 1)]


async def test_it_goes_on_after_a_quiet_time(record, store: _Store, tasks: TaskGroup) -> None:
    usage = UsageWriter(store.write, ManualClock(), tasks)
    for name in "abc":
        usage.observe(record(id=name))
        await _until(lambda name=name: name in store.ids)
    assert store.batches == [["a"], ["b"], ["c"]]
    await asyncio.sleep(0.3)
    assert store.tries == 3  # nothing to store, nothing asked


async def test_close_stores_what_is_queued(record, store: _Store, tasks: TaskGroup) -> None:
    usage = UsageWriter(store.write, ManualClock(), tasks)
    for number in range(BATCH + 7):
        usage.observe(record(id=str(number)))
    await usage.close()
    assert len(store.ids) == BATCH + 7
    assert (usage.waiting, usage.lost, len(tasks)) == (0, 0, 0)


async def test_close_with_nothing_queued(store: _Store, tasks: TaskGroup) -> None:
    usage = UsageWriter(store.write, ManualClock(), tasks)
    await asyncio.sleep(0)
    started = time.perf_counter()
    await usage.close()
    assert time.perf_counter() - started < 0.2
    assert store.tries == 0


async def test_a_database_that_was_away_gets_everything_once(record, store: _Store, tasks: TaskGroup) -> None:
    store.away = True
    usage = UsageWriter(store.write, ManualClock(), tasks)
    usage.observe(record(id="a"))
    await _until(lambda: store.tries >= 2)
    usage.observe(record(id="b"))
    assert usage.waiting == 2
    store.away = False
    await _until(lambda: store.ids == ["a", "b"])
    assert usage.lost == 0


async def test_the_oldest_are_lost_when_it_is_away_too_long(
    record, store: _Store, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    store.away = True
    clock = ManualClock()
    usage = UsageWriter(store.write, clock, tasks, limit=10)
    with caplog.at_level(logging.ERROR, "entrepot.usage"):
        for number in range(25):
            usage.observe(record(id=str(number)))
        assert (usage.waiting, usage.lost, len(caplog.records)) == (10, 15, 1)
        clock.advance(60)
        usage.observe(record(id="25"))
    assert [entry.__dict__["lost"] for entry in caplog.records] == [1, 15]
    store.away = False
    await usage.close()
    assert store.ids == [str(number) for number in range(16, 26)]


async def test_close_gives_up_and_says_what_is_lost(
    record, store: _Store, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    store.away = True
    usage = UsageWriter(store.write, ManualClock(), tasks)
    for number in range(3):
        usage.observe(record(id=str(number)))
    started = time.perf_counter()
    with caplog.at_level(logging.ERROR, "entrepot.usage"):
        await usage.close(patience=0.2)
    assert time.perf_counter() - started < 2
    assert (usage.lost, usage.waiting) == (3, 0)
    assert "stopped while the database was away" in caplog.text


async def test_a_database_that_comes_back_during_close(record, store: _Store, tasks: TaskGroup) -> None:
    store.away = True
    usage = UsageWriter(store.write, ManualClock(), tasks)
    usage.observe(record(id="a"))
    await _until(lambda: store.tries >= 2)
    asyncio.get_running_loop().call_later(0.4, setattr, store, "away", False)
    await usage.close(patience=5)
    assert store.ids == ["a"]


async def test_one_bad_record_takes_no_other_along(
    record, store: _Store, tasks: TaskGroup, caplog: pytest.LogCaptureFixture
) -> None:
    store.refused = "bad"
    usage = UsageWriter(store.write, ManualClock(), tasks)
    for name in ("a", "bad", "b"):
        usage.observe(record(id=name))
    await usage.close()
    assert store.ids == ["a", "b"]
    assert usage.lost == 1
    assert "TypeError" in caplog.text
