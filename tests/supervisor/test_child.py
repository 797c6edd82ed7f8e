"""A child process: ready, dead, started again, stopped, killed."""

import asyncio

from entrepot.settings import Handoff, Settings
from entrepot.supervisor.child import Child


def child(mode: str) -> Child:
    return Child("short", "tests.short_lived", Handoff(settings=Settings(), role="gateway", config=mode), ())


async def until(condition, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_child_that_obeys() -> None:
    stopping, obeys = asyncio.Event(), child("obey")
    keeping = asyncio.ensure_future(obeys.keep(stopping))
    await asyncio.wait_for(obeys.ready.wait(), 10)
    assert obeys.pid is not None
    stopping.set()
    await obeys.stop(5)
    await asyncio.wait_for(keeping, 5)
    assert (obeys.pid, obeys.restarts) == (None, 0)


async def test_a_child_that_dies_is_started_again_with_a_pause() -> None:
    stopping, dies = asyncio.Event(), child("die")
    keeping = asyncio.ensure_future(dies.keep(stopping))
    await until(lambda: dies.restarts >= 2)
    stopping.set()
    await dies.stop(5)
    await asyncio.wait_for(keeping, 5)


async def test_a_child_that_is_killed_comes_back() -> None:
    stopping, killed = asyncio.Event(), child("obey")
    keeping = asyncio.ensure_future(killed.keep(stopping))
    await asyncio.wait_for(killed.ready.wait(), 10)
    first = killed.pid
    assert killed._process is not None
    killed._process.kill()
    await until(lambda: killed.restarts == 1 and killed.ready.is_set())
    assert killed.pid != first
    stopping.set()
    await killed.stop(5)
    await keeping


async def test_a_child_that_ignores_is_killed() -> None:
    stopping, ignores = asyncio.Event(), child("ignore")
    keeping = asyncio.ensure_future(ignores.keep(stopping))
    await asyncio.wait_for(ignores.ready.wait(), 10)
    stopping.set()
    await ignores.stop(0.2)
    await asyncio.wait_for(keeping, 5)
    assert ignores.pid is None
