"""The registry of running calls: limit and drain."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.relay.exchange import Exchange
from entrepot.relay.registry import Registry
from tests.connections import Wire


def exchange() -> Exchange:
    wire = Wire()
    return Exchange(wire, "req_1")


async def test_limit() -> None:
    registry = Registry(2)
    one, two, three = exchange(), exchange(), exchange()
    registry.enter(one)
    registry.enter(two)
    with pytest.raises(Fault) as caught:
        registry.enter(three)
    assert (caught.value.status, caught.value.code) == (503, "overloaded")
    registry.leave(one)
    registry.enter(three)
    assert len(registry) == 2


async def test_drain_waits_for_calls_that_end_in_time() -> None:
    registry = Registry(10)
    call = exchange()
    registry.enter(call)
    draining = asyncio.ensure_future(registry.drain(5))
    await asyncio.sleep(0.01)
    with pytest.raises(Fault) as caught:
        registry.enter(exchange())
    assert caught.value.kind is Kind.DRAINING
    assert not draining.done()
    registry.leave(call)
    await asyncio.wait_for(draining, 1)
    assert call.ended_by is None


async def test_drain_ends_calls_that_do_not() -> None:
    registry, call, ended = Registry(10), exchange(), []

    async def run() -> None:
        registry.enter(call)
        call.watch(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append(call.ended_by)
        finally:
            registry.leave(call)

    running = asyncio.ensure_future(run())
    await asyncio.sleep(0)
    await asyncio.wait_for(registry.drain(0.05), 2)
    await running
    assert ended == [Kind.DRAINING]
    assert len(registry) == 0
