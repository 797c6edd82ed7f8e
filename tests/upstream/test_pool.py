"""The limit of connections to one origin, the queue before it, and what a cancelled waiter leaves."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin, Timeouts
from entrepot.upstream.client import Upstream
from entrepot.upstream.response import Response
from tests.upstream.vendor import OK, Peer, Script, always, call, request, vendor


def gate(event: asyncio.Event) -> Script:
    """Answers only while the event is set."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await event.wait()
            await peer.send(OK)

    return script


def begin(upstream: Upstream, origin: Origin, limit: int, connect: float = 5.0) -> asyncio.Task[Response]:
    sending = upstream.send(request(origin), Timeouts(connect=connect), max_connections=limit)
    return asyncio.get_running_loop().create_task(sending)


async def rounds(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0.002)


async def test_the_limit_holds(upstream: Upstream) -> None:
    event = asyncio.Event()
    async with vendor(gate(event)) as server:
        tasks = [begin(upstream, server.origin, 3) for _ in range(20)]
        await rounds()
        stats = upstream.stats()[server.origin]
        assert (stats.open, stats.in_use, stats.idle, stats.waiting) == (3, 3, 0, 17)
        event.set()
        for response in await asyncio.gather(*tasks):
            assert await response.read(10) == b"ok"
            response.close()
        stats = upstream.stats()[server.origin]
        assert (stats.open, stats.in_use, stats.idle, stats.waiting) == (3, 0, 3, 0)
        assert server.connections == 3


async def test_first_come_first_served(upstream: Upstream) -> None:
    order: list[int] = []

    async def one(number: int) -> None:
        response = await upstream.send(request(server.origin), Timeouts(), max_connections=1)
        order.append(number)
        response.close()

    async with vendor(always(OK)) as server:
        await asyncio.gather(*(one(number) for number in range(10)))
        assert order == list(range(10))
        assert server.connections == 1


async def test_nobody_pushes_in(upstream: Upstream) -> None:
    """A call that comes when a connection gets free must not take it before those that wait."""
    order: list[str] = []

    async def one(name: str) -> None:
        response = await upstream.send(request(server.origin), Timeouts(), max_connections=1)
        order.append(name)
        response.close()

    async with vendor(always(OK)) as server:
        first = await upstream.send(request(server.origin), Timeouts(), max_connections=1)
        loop = asyncio.get_running_loop()
        waiting = loop.create_task(one("waiting"))
        await asyncio.sleep(0)
        first.close()
        late = loop.create_task(one("late"))
        await asyncio.gather(waiting, late)
        assert order == ["waiting", "late"]


async def test_exhausted(upstream: Upstream) -> None:
    event = asyncio.Event()
    async with vendor(gate(event)) as server:
        running = begin(upstream, server.origin, 1)
        await rounds()
        start = asyncio.get_running_loop().time()
        with pytest.raises(Fault) as caught:
            await begin(upstream, server.origin, 1, connect=0.1)
        assert caught.value.kind is Kind.POOL_EXHAUSTED
        assert 0.09 <= asyncio.get_running_loop().time() - start < 2
        assert upstream.stats()[server.origin].waiting == 0
        event.set()
        (await running).close()


async def test_cancelled_waiters_take_nothing(upstream: Upstream) -> None:
    event = asyncio.Event()
    async with vendor(gate(event)) as server:
        tasks = [begin(upstream, server.origin, 1) for _ in range(4)]
        await rounds()
        tasks[1].cancel()
        tasks[2].cancel()
        event.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result).__name__ for result in results] == ["Response", "CancelledError", "CancelledError", "Response"]
        stats = upstream.stats()[server.origin]
        assert (stats.open, stats.in_use, stats.waiting) == (1, 0, 0)


@pytest.mark.parametrize("what", ["a connection", "a place"])
async def test_cancelled_just_when_served(upstream: Upstream, what: str) -> None:
    """The waiter got its turn and is cancelled before it runs: the next one gets it."""
    event = asyncio.Event()
    async with vendor(gate(event)) as server:
        first = begin(upstream, server.origin, 1)
        await rounds()
        if what == "a connection":
            event.set()
            (await first).close()
            pool = upstream._pools[server.origin]
            connection = pool.take()
            assert connection is not None
        second, third = (begin(upstream, server.origin, 1) for _ in range(2))
        await rounds()
        assert upstream.stats()[server.origin].waiting == 2
        if what == "a connection":
            pool.release(connection)
        else:
            event.set()
            (running,) = upstream._pools[server.origin]._connections
            running.fail(Kind.VENDOR_RESET)
            with pytest.raises(Fault):
                await asyncio.shield(first)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        (await third).close()
        stats = upstream.stats()[server.origin]
        assert (stats.open, stats.in_use, stats.waiting) == (1, 0, 0)


async def test_an_aborted_call_makes_room(upstream: Upstream) -> None:
    event = asyncio.Event()
    async with vendor(gate(event)) as server:
        first = begin(upstream, server.origin, 1)
        await rounds()
        second = begin(upstream, server.origin, 1)
        await rounds()
        first.cancel()
        event.set()
        (await second).close()
        assert server.connections == 2


async def test_failed_attempts_make_room(upstream: Upstream) -> None:
    """Nobody waits for ever behind calls that could not connect."""
    origin = Origin("http", "127.0.0.1", 1)
    results = await asyncio.gather(*(begin(upstream, origin, 2) for _ in range(10)), return_exceptions=True)
    assert [result.kind for result in results if isinstance(result, Fault)] == [Kind.CONNECT_REFUSED] * 10
    assert upstream.stats() == {}


async def test_origins_do_not_share(upstream: Upstream) -> None:
    async with vendor(always(OK)) as one, vendor(always(OK)) as two:
        for origin in (one.origin, two.origin):
            await call(upstream, origin)
        assert {origin.port for origin in upstream.stats()} == {one.origin.port, two.origin.port}
        assert (one.connections, two.connections) == (1, 1)


async def test_empty_pools_are_forgotten(upstream: Upstream) -> None:
    for port in range(1, 301):
        with pytest.raises(Fault):
            await call(upstream, Origin("unix", f"/nonexistent/{port}", 0))
    assert len(upstream._pools) <= 256


async def test_the_oldest_make_room_for_a_fresh_one(upstream: Upstream) -> None:
    """Another caller of this origin allows fewer connections, and the one that it takes is stale."""
    stale = False

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        if not stale:
            await peer.send(OK)

    async with vendor(script) as server:
        for response in await asyncio.gather(*(begin(upstream, server.origin, 3) for _ in range(3))):
            response.close()
        assert upstream.stats()[server.origin].idle == 3
        stale = True
        (await begin(upstream, server.origin, 1)).close()
        assert server.connections == 4
        assert upstream.stats()[server.origin].open == 1
