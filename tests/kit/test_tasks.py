"""Background tasks are kept alive, and loud when they fail."""

import asyncio
import gc
import logging

import pytest

from entrepot.kit.tasks import TaskGroup


async def test_a_task_is_kept_alive_and_forgotten_when_done() -> None:
    tasks = TaskGroup()
    done = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.set()

    tasks.spawn(work(), "work")
    gc.collect()
    assert len(tasks) == 1
    await asyncio.wait_for(done.wait(), 5)
    await asyncio.sleep(0)
    assert len(tasks) == 0


async def test_a_failure_is_logged_with_the_tasks_name(caplog: pytest.LogCaptureFixture) -> None:
    tasks = TaskGroup()

    async def work() -> None:
        raise ValueError("broken")

    with caplog.at_level(logging.ERROR, "entrepot.tasks"):
        await asyncio.wait([tasks.spawn(work(), "the-flusher")])
        await asyncio.sleep(0)
    (record,) = caplog.records
    assert record.__dict__["task"] == "the-flusher"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


async def test_close_cancels_all_and_waits(caplog: pytest.LogCaptureFixture) -> None:
    tasks = TaskGroup()
    cleaned: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(number)

    for number in range(3):
        tasks.spawn(work(number), f"work-{number}")
    await asyncio.sleep(0)
    await tasks.close()
    assert sorted(cleaned) == [0, 1, 2]
    assert len(tasks) == 0
    assert not caplog.records
