"""Starting, serving and stopping: nobody is cut off without need, and nothing is left behind."""

import asyncio
import gc
import resource
import socket
import time
from typing import Any

import psutil
import pytest

from entrepot.gateway.connection import EdgeLimits
from entrepot.gateway.server import Server
from entrepot.kit.memory import find_trim
from entrepot.kit.tasks import TaskGroup
from tests.edge_server import PATIENT, Echo, Held, answer, connection_of, nothing, read_body, render, serving, spoken, until
from tests.raw_client import RawClient, get, post


async def test_idle_connections_close_at_once_and_new_ones_are_refused() -> None:
    ready = asyncio.Event()
    async with serving(Echo(), drain=ready.wait) as running:
        used, fresh, half = [await RawClient.open(running.port) for _ in range(3)]
        assert (await used.ask(get())).status == 200
        await half.send(b"GET / HT")
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        running.stopping.set()
        assert [await client.closed() for client in (used, fresh, half)] == [b"", b"", b""]
        assert time.monotonic() - begun < 0.5
        with pytest.raises(ConnectionRefusedError):
            await RawClient.open(running.port)
        ready.set()


async def test_a_connection_that_was_just_being_accepted_closes() -> None:
    async with serving(Echo()) as running:
        running.server._edge.draining = True  # as between two steps of the loop
        client = await RawClient.open(running.port)
        closed = asyncio.get_running_loop().create_task(client.closed(2.0))
        await asyncio.wait([closed])
        running.server._edge.draining = False
        assert closed.result() == b""


async def test_a_running_stream_finishes_within_the_grace() -> None:
    app = Held(stream=True)
    over = asyncio.Event()
    async with serving(app, drain=over.wait) as running:
        client = await RawClient.open(running.port)
        await client.send(get())
        await app.arrived.wait()
        running.stopping.set()
        await asyncio.sleep(0.2)
        assert app.told == []
        app.finish.set()
        got = await client.answer()
        assert (got.body, got.complete) == (b"firstlast", True)
        assert await client.closed() == b""
        over.set()
    assert app.told == []


async def test_an_answer_that_has_not_begun_says_that_it_closes() -> None:
    app = Held()
    over = asyncio.Event()
    async with serving(app, drain=over.wait) as running:
        client = await RawClient.open(running.port)
        await client.send(get("/1") + get("/2"))
        await app.arrived.wait()
        running.stopping.set()
        await asyncio.sleep(0.05)
        app.finish.set()
        got = await client.answer()
        assert (got.body, got.headers["connection"]) == (b"whole", "close")
        assert await client.closed() == b""  # the waiting request is not begun
        over.set()


async def test_a_request_whose_body_still_comes_is_served() -> None:
    app = Echo()
    over = asyncio.Event()
    async with serving(app, drain=over.wait) as running:
        client = await RawClient.open(running.port)
        await client.send(post(b"hello")[:-2])
        await until(lambda: bool(app.scopes))
        running.stopping.set()
        await asyncio.sleep(0.05)
        got = await client.ask(b"lo")
        assert (got.body, got.headers["connection"]) == (b"hello", "close")
        over.set()


@pytest.mark.parametrize("stream", [False, True])
async def test_beyond_the_grace_calls_are_cancelled(stream: bool) -> None:
    """The application's registry cancels; what it leaves unfinished is ended by the edge, in order."""
    calls: list[asyncio.Task[Any]] = []
    cleaned: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        calls.append(task)
        if stream:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append("call")

    async def drain() -> None:
        await asyncio.sleep(0.1)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        cleaned.append("drained")

    async with serving(app, drain=drain) as running:
        client = await RawClient.open(running.port)
        await client.send(get())
        await until(lambda: bool(calls))
        running.stopping.set()
        got = await client.answer()
        if stream:
            assert (got.status, got.body, got.complete) == (200, b"part", False)
        else:
            assert (got.status, got.error["code"]) == (503, "draining")
        await client.closed()
    assert cleaned == ["call", "drained"]


async def test_what_even_drain_leaves_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.gateway.server.FLUSH", 0.2)
    app = Held(stream=True)
    async with serving(app) as running:
        client = await RawClient.open(running.port)
        await client.send(get())
        await app.arrived.wait()
        begun = time.monotonic()
        running.stopping.set()
        got = await client.answer()
        assert (got.body, got.complete) == (b"first", False)
        assert time.monotonic() - begun < 2.0
    assert app.told == ["left"]
    assert not app.ended.is_set()


async def test_a_client_that_does_not_take_its_last_bytes_cannot_hold_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entrepot.gateway.server.FLUSH", 0.3)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, bytes(32 * 1024 * 1024))

    async with serving(app) as running:
        client = await RawClient.open(running.port, receive_buffer=4096)
        client.writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        await client.send(get())
        await until(lambda: running.server.connections == 1 and running.server.requests == 0)
        begun = time.monotonic()
        running.stopping.set()
        await running.quiet()
        assert time.monotonic() - begun < 2.0
        client.writer.transport.abort()


async def test_cancelling_run_cuts_at_once() -> None:
    app = Held()
    sock = socket.create_server(("127.0.0.1", 0))
    server = Server(spoken(app), limits=PATIENT, render=render)
    tasks = TaskGroup()
    task = tasks.spawn(server.run([sock], stopping=asyncio.Event(), drain=nothing), "server")
    client = await RawClient.open(sock.getsockname()[1])
    await client.send(get())
    await app.arrived.wait()
    assert (server.connections, server.requests) == (1, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (server.connections, server.requests, app.told) == (0, 0, ["left"])
    assert await client.closed() == b""
    assert sock.fileno() == -1


async def test_two_sockets_and_a_unix_one(tmp_path: Any) -> None:
    path = str(tmp_path / "s")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(path)
    tcp = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [sock.getsockname()[1] for sock in tcp]
    stopping = asyncio.Event()
    tasks = TaskGroup()
    task = tasks.spawn(
        Server(spoken(Echo()), limits=PATIENT, render=render).run([*tcp, unix], stopping=stopping, drain=nothing), "server"
    )
    await asyncio.sleep(0.05)
    for port in ports:
        async with await RawClient.open(port) as client:
            assert (await client.ask(post(b"x"))).body == b"x"
    async with RawClient(*await asyncio.open_unix_connection(path)) as client:
        assert (await client.ask(post(b"x"))).body == b"x"
    stopping.set()
    await task


async def test_the_date_moves_on() -> None:
    async with serving(Echo()) as running, await RawClient.open(running.port) as client:
        first = (await client.ask(get())).headers["date"]
        await asyncio.sleep(2.1)
        assert (await client.ask(get())).headers["date"] != first


def many_files() -> None:
    """Allow this process the sockets of 1,000 clients and their server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        if hard < 4096:
            pytest.skip("this machine allows fewer than 4,096 open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))


async def test_a_thousand_stalled_clients_are_cut_and_nothing_is_left() -> None:
    many_files()
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).on_gone(told.append)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):
            await send({"type": "http.response.body", "body": bytes(16384), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def stall(running: Any) -> None:
        clients = [socket.socket() for _ in range(1000)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", running.port))
            client.send(get())
        await until(lambda: running.server.connections == 1000 or bool(told), 20)
        await running.quiet(20)
        for client in clients:
            client.close()

    async with serving(app, EdgeLimits(write_timeout=1.0)) as running:
        await stall(running)  # the allocator's own growth happens here
        await stall(running)
        weight, objects, tasks = _weight(), len(gc.get_objects()), len(asyncio.all_tasks())
        await stall(running)
        assert told == ["stalled"] * 3000
        assert len(asyncio.all_tasks()) == tasks
        assert len(gc.get_objects()) - objects < 500
        assert _weight() - weight < 40 * 1024 * 1024  # each round held 80 MB
        async with await RawClient.open(running.port) as client:
            assert len((await client.ask(get())).body) == 1024 * 1024


def _weight() -> int:
    """What is held: what malloc keeps for itself goes back first, as in a worker after a rush."""
    gc.collect()
    find_trim()()
    return psutil.Process().memory_info().rss


@pytest.mark.parametrize("leaves", [False, True])
async def test_nothing_waits_for_the_collector(leaves: bool) -> None:
    """A cycle of references per request would let memory grow between two collections."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, await read_body(receive) or b"")

    async def ask(running: Any, times: int) -> None:
        for _ in range(times):
            client = await RawClient.open(running.port)
            if leaves:
                await client.send(post(b"x")[:-1])
                await until(lambda: running.server.requests == 1)
                client.reset()
            else:
                await client.ask(post(b"x"))
                await client.ask(post(b"x"))
                client.writer.close()
            await running.quiet()

    async with serving(app) as running:
        await ask(running, 5)
        gc.collect()
        gc.disable()
        try:
            before = _count("entrepot.gateway", "entrepot.kit")
            await ask(running, 20)
            assert _count("entrepot.gateway", "entrepot.kit") <= before
        finally:
            gc.enable()


def _count(*modules: str) -> int:
    return sum(str(type(one).__module__).startswith(modules) for one in gc.get_objects())
