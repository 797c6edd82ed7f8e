"""One request's connection, the two wrapped applications, and what the kernel tells."""

import asyncio
import socket
from typing import Any

import pytest

from entrepot.gateway.connection import Bell, reset, unsent
from tests.edge_server import Held, answer, connection_of, read_body, serving
from tests.raw_client import RawClient, get, post


async def test_a_callback_that_comes_too_late_is_called_at_once_and_once() -> None:
    told: list[str] = []
    lost = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = connection_of(scope)
        while (await receive())["type"] != "http.disconnect":
            pass
        assert connection.gone
        connection.on_gone(told.append)
        connection.on_gone(None)
        lost.set()

    async with serving(app) as running:
        async with await RawClient.open(running.port) as client:
            await client.send(get())
            await asyncio.sleep(0.05)
        await asyncio.wait_for(lost.wait(), 5)
    assert told == ["left"]


async def test_a_callback_taken_back_is_not_called() -> None:
    app = Held()
    async with serving(app) as running:
        client = await RawClient.open(running.port)
        await client.send(get())
        await app.arrived.wait()
        assert app.connection is not None
        app.connection.on_gone(None)
        client.reset()
        await asyncio.sleep(0.1)
        assert app.connection.gone
        app.finish.set()
    assert app.told == []


async def test_close_after_says_so_and_closes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).close_after()
        await answer(send, b"bye")

    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(get())
        assert (got.body, got.headers["connection"]) == (b"bye", "close")
        assert await client.closed() == b""


async def test_abort_breaks_off_and_tells_once() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = connection_of(scope)
        connection.on_gone(told.append)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.05)
        connection.abort()
        connection.abort()
        await send({"type": "http.response.body", "body": b"into the void"})

    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(get())
        assert (got.body, got.complete) == (b"x", False)
        await running.quiet()
    assert told == ["left"]


async def test_an_old_request_cannot_break_the_next_one() -> None:
    held: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held.append(connection_of(scope))
        held[0].on_gone(lambda _: held.append("told"))
        await answer(send, b"ok")
        if len(held) > 1:
            held[0].abort()
            held[0].close_after()

    async with serving(app) as running, await RawClient.open(running.port) as client:
        for _ in range(3):
            assert (await client.ask(get())).body == b"ok"
    assert "told" not in held


async def test_continue_is_sent_when_the_body_is_asked_for() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, await read_body(receive) or b"")

    async with serving(app) as running, await RawClient.open(running.port) as client:
        for _ in range(2):
            await client.send(get("/", "Expect: 100-continue", "Content-Length: 3", method="POST"))
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            got = await client.ask(b"abc")
            assert (got.status, got.body) == (200, b"abc")
            assert "connection" not in got.headers


async def test_an_answer_instead_of_continue_closes() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"no", 401)

    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(get("/", "Expect: 100-continue", "Content-Length: 30", method="POST"))
        assert (got.status, got.headers["connection"]) == (401, "close")
        await client.send(get("/smuggled"))
        assert await client.closed() == b""


async def test_http_1_0_gets_no_chunks() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"a", b"b", b"c"):
            await send({"type": "http.response.body", "body": piece, "more_body": piece != b"c"})

    async with serving(app) as running:
        async with await RawClient.open(running.port) as client:
            got = await client.ask(b"GET / HTTP/1.0\r\n\r\n")
            assert got.body == b"abc"
            assert "transfer-encoding" not in got.headers
            assert got.headers["connection"] == "close"
        async with await RawClient.open(running.port) as client:
            assert (await client.ask(get())).headers["transfer-encoding"] == "chunked"


async def test_http_1_0_with_a_length_keeps_it() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, await read_body(receive) or b"")

    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(post(b"abc").replace(b"HTTP/1.1", b"HTTP/1.0"))
        assert (got.headers["content-length"], got.body) == ("3", b"abc")
        assert await client.closed() == b""


async def test_a_bell_wakes_all_who_wait() -> None:
    bell = Bell()
    rung: list[int] = []

    async def wait(number: int) -> None:
        await bell.wait()
        rung.append(number)

    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(wait(number))
        await asyncio.sleep(0)
        assert rung == []
        bell.set()
    assert sorted(rung) == [0, 1, 2]
    bell.clear()
    assert not bell.is_set()


async def test_unsent_counts_the_kernels_share_and_reset_drops_it() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    assert unsent(transport) == 0
    transport.write(b"x" * 1000)
    await asyncio.sleep(0.01)
    assert transport.get_write_buffer_size() == 0
    assert unsent(transport) >= 1000
    reset(transport)
    await asyncio.sleep(0.01)
    assert unsent(transport) == 0
    theirs.close()


async def test_reset_is_seen_as_one_and_not_as_an_end() -> None:
    held: list[asyncio.BaseTransport] = []

    class Peer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            held.append(transport)

    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", 0)
    async with await RawClient.open(server.sockets[0].getsockname()[1]) as client:
        await asyncio.sleep(0.02)
        server.close()
        reset(held[0])  # pyright: ignore[reportArgumentType]
        with pytest.raises(ConnectionResetError):
            await client.reader.read(1)
