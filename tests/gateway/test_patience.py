"""Clients that are slow, silent, or gone: each gets its time and no more."""

import asyncio
import time
from typing import Any

import pytest

from entrepot.core.faults import Kind
from entrepot.gateway.connection import EdgeLimits
from tests.edge_server import QUICK, Echo, Held, answer, connection_of, read_body, serving, until
from tests.raw_client import RawClient, get, post


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1\r\nHost: te", b"\r\n", get()[:-1]])
async def test_half_a_head_is_408(part: bytes) -> None:
    app = Echo()
    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        begun = time.monotonic()
        got = await client.ask(part)
        assert 0.25 < time.monotonic() - begun < 2.0
        assert (got.status, got.error["code"], got.headers["connection"]) == (408, "request_timeout", "close")
        assert got.headers["x-request-id"].startswith("req_")
        assert await client.closed() == b""
        assert running.refused == [Kind.SLOW_CLIENT]
    assert app.seen == []


async def test_a_head_that_drips_is_408_however_busy_the_client_looks() -> None:
    app = Echo()
    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        begun = time.monotonic()
        for byte in get("/" + "x" * 200):
            await client.send(bytes((byte,)))
            await asyncio.sleep(0.02)
            if client.reader._buffer:  # pyright: ignore[reportAttributeAccessIssue]
                break
        assert time.monotonic() - begun < 2.0
        assert (await client.answer()).status == 408
    assert app.seen == []


async def test_the_next_head_gets_its_own_time() -> None:
    async with serving(Echo(), QUICK) as running, await RawClient.open(running.port) as client:
        for _ in range(4):
            await asyncio.sleep(0.15)
            assert (await client.ask(get())).status == 200
        assert (await client.ask(b"GET / HT")).status == 408


async def test_a_body_that_stops_is_408_and_the_application_learns() -> None:
    app = Held()
    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        app.finish.set()
        got = await client.ask(post(b"x" * 100)[:-1])
        assert (got.status, got.error["code"]) == (408, "request_timeout")
        assert await client.closed() == b""
        client.writer.close()
        await running.quiet()
    assert app.told == ["stalled"]


async def test_a_body_that_drips_goes_through() -> None:
    app = Echo()
    request = post(b"x" * 8)
    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        await client.send(request[:-8])
        for _ in range(8):
            await asyncio.sleep(0.1)
            await client.send(b"x")
        assert (await client.answer()).body == b"x" * 8


async def test_a_body_that_stops_after_the_answer_began_breaks_off() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).on_gone(told.append)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"early", "more_body": True})
        assert await read_body(receive) is None

    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        got = await client.ask(post(b"x" * 100)[:-1])
        assert (got.status, got.body, got.complete) == (200, b"early", False)
        await running.quiet()
    assert told == ["stalled"]


async def test_an_application_that_is_slow_to_read_is_not_the_clients_fault() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.75)
        await answer(send, b"%d" % len(await read_body(receive) or b""))

    async with serving(app, QUICK) as running:
        async with await RawClient.open(running.port) as client:
            assert (await client.ask(post(b"x" * 3_000_000))).body == b"3000000"
        async with await RawClient.open(running.port) as client:
            await client.send(get("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
            assert b" 100 " in await client.reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(0.2)  # its time begins now, and not when we last looked
            assert (await client.ask(b"abc")).body == b"3"


async def test_idle_connections_close_silently() -> None:
    async with serving(Echo(), QUICK) as running:
        fresh, used = await RawClient.open(running.port), await RawClient.open(running.port)
        assert (await used.ask(get())).status == 200
        begun = time.monotonic()
        assert (await fresh.closed(), await used.closed()) == (b"", b"")
        assert 0.4 < time.monotonic() - begun < 2.0
        await running.quiet()
        assert running.refused == []


async def test_a_long_silent_answer_is_no_idleness() -> None:
    app = Held()
    async with serving(app, QUICK) as running, await RawClient.open(running.port) as client:
        await client.send(get())
        await asyncio.sleep(1.2)
        app.finish.set()
        assert (await client.answer()).body == b"whole"
        assert (await client.ask(get())).body == b"whole"


class Flood:
    """Writes `size` bytes in pieces of 16 KB, as fast as the client takes them."""

    def __init__(self, size: int, *, close: bool = False) -> None:
        self.pieces = size // 16384
        self.close = close
        self.told: list[str] = []
        self.ended = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        connection = connection_of(scope)
        connection.on_gone(self.told.append)
        if self.close:
            connection.close_after()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(self.pieces):
            await send({"type": "http.response.body", "body": bytes(16384), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        self.ended += 1


async def test_a_client_that_stops_reading_is_cut() -> None:
    app = Flood(64 * 1024 * 1024)
    async with serving(app, QUICK) as running, await RawClient.open(running.port, receive_buffer=4096) as client:
        client.writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        begun = time.monotonic()
        await client.send(get())
        await running.quiet()
        assert 0.35 < time.monotonic() - begun < 3.0
    assert app.told == ["stalled"]


@pytest.mark.parametrize("whole", [False, True])
async def test_a_slow_reader_is_served_to_the_end(whole: bool) -> None:
    """It needs four times the write timeout, but takes something in each."""
    size = 3 * 1024 * 1024
    flood = Flood(size)
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not whole:
            await flood(scope, receive, send)
            return
        connection_of(scope).on_gone(told.append)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": bytes(size), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app, QUICK) as running, await RawClient.open(running.port, receive_buffer=65536) as client:
        await client.send(get())
        begun, got = time.monotonic(), 0
        while got < size:
            data = await client.reader.read(131072)
            assert data, "cut off"
            got += len(data)
            await asyncio.sleep(0.07)
        assert time.monotonic() - begun > 4 * QUICK.write_timeout
    assert flood.told == told == []


async def test_a_very_slow_reader_is_seen_to_read_by_what_the_kernel_still_has() -> None:
    """In a write timeout it takes less than would let us write one more byte."""
    app = Flood(8 * 1024 * 1024)
    async with serving(app, QUICK) as running, await RawClient.open(running.port, receive_buffer=8192) as client:
        await client.send(get())
        end = time.monotonic() + 2.0
        client.reader._limit = 1024  # pyright: ignore[reportAttributeAccessIssue]
        while time.monotonic() < end:
            assert await client.reader.read(4096), "cut off"
            await asyncio.sleep(0.1)
        assert app.told == []
        client.reset()
    assert app.told == ["left"]


@pytest.mark.parametrize("half_closes", [False, True])
async def test_a_client_with_little_left_to_take_is_cut_too(half_closes: bool) -> None:
    """The rest is too small for the transport to have called for a pause."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if not half_closes:
            connection_of(scope).close_after()
        await answer(send, bytes(170_000))

    limits = EdgeLimits(write_timeout=1.0)
    async with serving(app, limits) as running, await RawClient.open(running.port, receive_buffer=4096) as client:
        client.writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        await client.send(get())
        await asyncio.sleep(0.1)
        if half_closes:
            client.writer.write_eof()
        begun = time.monotonic()
        await running.quiet()
        assert time.monotonic() - begun < 1.7, "it was the kernel, after twice the time"


@pytest.mark.parametrize("half_closes", [False, True])
async def test_a_client_that_never_takes_the_end_is_cut_too(half_closes: bool) -> None:
    """The whole answer is written and the connection closing; uvicorn alone would wait for ever."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).close_after()
        await answer(send, bytes(32 * 1024 * 1024))

    async with serving(app, QUICK) as running, await RawClient.open(running.port, receive_buffer=4096) as client:
        client.writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        await client.send(get())
        if half_closes:
            await asyncio.sleep(0.1)
            client.writer.write_eof()
        await until(lambda: running.server.requests == 0)
        await running.quiet()


async def test_an_early_answer_reaches_a_client_that_is_still_sending() -> None:
    """Closing at once would reset the connection and lose the 413."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).close_after()
        await answer(send, b"too large", 413)

    async with serving(app) as running, await RawClient.open(running.port) as client:
        head = get("/", "Content-Length: 50000000", method="POST")
        await client.send(head)
        for _ in range(40):
            client.writer.write(bytes(262144))
            await asyncio.sleep(0.002)
        got = await client.answer()
        assert (got.status, got.body, got.headers["connection"]) == (413, b"too large", "close")
        assert await client.closed() == b""
        client.writer.close()
        await running.quiet()


async def test_lingering_has_an_end() -> None:
    async with serving(Echo()) as running, await RawClient.open(running.port) as client:
        assert (await client.ask(b"NONSENSE\r\n\r\n")).status == 400
        begun = time.monotonic()
        while not client.writer.transport.is_closing() and time.monotonic() - begun < 5.0:
            client.writer.write(b"x" * 1000)
            await asyncio.sleep(0.01)
        assert time.monotonic() - begun < 4.0
        await running.quiet()


async def test_a_small_rest_of_a_body_is_read_after_an_early_answer() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, scope["path"].encode(), 401)

    async with serving(app) as running, await RawClient.open(running.port) as client:
        request = post(bytes(100_000), "/a")
        assert (await client.ask(request[:500])).body == b"/a"
        assert (await client.ask(request[500:] + get("/b"))).body == b"/b"


async def test_a_large_rest_is_not() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no", 401)

    async with serving(app) as running, await RawClient.open(running.port) as client:
        request = post(bytes(3_000_000))
        assert (await client.ask(request[:500])).status == 401
        await client.send(request[500:])
        assert await client.closed() == b""


async def test_one_timer_serves_many_requests() -> None:
    """No timer is made or cancelled while requests come and go."""
    async with serving(Echo(), EdgeLimits()) as running, await RawClient.open(running.port) as client:
        await client.ask(get())
        (protocol,) = running.server._edge.connections
        timer = protocol._timer  # pyright: ignore[reportAttributeAccessIssue]
        for _ in range(5):
            await client.ask(post(bytes(1000)))
        assert protocol._timer is timer  # pyright: ignore[reportAttributeAccessIssue]
        assert not timer.cancelled()
    assert timer.cancelled()
