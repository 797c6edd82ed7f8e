"""The public server around a small application, on a real socket.

The applications of these tests speak ASGI's messages, which say in one place what was asked and answered:
`spoken` translates.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import EdgeLimits
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.server import Server
from entrepot.kit import json
from entrepot.kit.tasks import TaskGroup

Application = Callable[[Any, Any, Any], Awaitable[None]]

QUICK = EdgeLimits(header_timeout=0.3, body_timeout=0.3, write_timeout=0.4, keepalive_timeout=0.5)
PATIENT = EdgeLimits()


def render(fault: Fault) -> Rendered:
    """A fault in OpenAI's shape."""
    error = {"message": fault.message, "type": fault.row.type, "param": fault.param, "code": fault.code}
    return Rendered(fault.status, ((b"content-type", b"application/json"),), json.encode({"error": error}))


def spoken(app: Application) -> Callable[[Cycle], Awaitable[None]]:
    """An application of messages for the edge."""

    async def run(cycle: Cycle) -> None:
        told = False

        async def receive() -> Any:
            nonlocal told
            while True:
                if cycle.gone or cycle.complete:
                    return {"type": "http.disconnect"}
                more, body = cycle.more_body, cycle.take()
                if body or not (more or told):
                    told = not more
                    return {"type": "http.request", "body": body, "more_body": more}
                await cycle.arrival()

        async def send(message: Any) -> None:
            if cycle.full:
                await cycle.drain()
            if message["type"] == "http.response.start":
                cycle.start(message["status"], message["headers"])
            else:
                cycle.write(message["body"], more=message.get("more_body", False))

        scope = {
            "method": cycle.method,
            "path": cycle.path,
            "raw_path": cycle.raw_path,
            "query_string": cycle.query,
            "http_version": "1.0" if cycle.old else "1.1",
            "headers": cycle.head.pairs(),
            "client": cycle.client,
            "connection": cycle,
        }
        await app(scope, receive, send)

    return run


class Running:
    """A server in the middle of its life, and what it told."""

    def __init__(self, server: Server, port: int, stopping: asyncio.Event) -> None:
        self.server = server
        self.port = port
        self.stopping = stopping
        self.refused: list[Kind] = []

    async def quiet(self, wait: float = 5.0) -> None:
        """Wait until no connection and no request is left. Raises TimeoutError."""
        await until(lambda: self.server.connections == 0 and self.server.requests == 0, wait)


async def until(condition: Callable[[], bool], wait: float = 5.0) -> None:
    """Wait for something that other tasks bring about. Raises TimeoutError."""
    end = time.monotonic() + wait
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        await asyncio.sleep(0.005)


async def nothing() -> None:
    """A drain with nothing to wait for."""


@asynccontextmanager
async def serving(
    app: Application, limits: EdgeLimits = PATIENT, *, drain: Callable[[], Awaitable[None]] = nothing
) -> AsyncIterator[Running]:
    """Serve `app`; stops at the end, and checks that nothing is left and no assertion of `app` failed."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=2048)
    refused: list[Kind] = []
    wrong: list[AssertionError] = []

    async def checked(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except AssertionError as error:
            wrong.append(error)

    server = Server(spoken(checked), limits=limits, render=render, refused=refused.append)
    running = Running(server, sock.getsockname()[1], asyncio.Event())
    running.refused = refused
    tasks = TaskGroup()
    task = tasks.spawn(server.run([sock], stopping=running.stopping, drain=drain), "edge-server")
    try:
        yield running
    finally:
        running.stopping.set()
        await asyncio.wait_for(task, 20)
        assert server.connections == 0
        assert server.requests == 0
        assert not wrong, wrong


async def answer(send: Any, body: bytes, status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """Send a whole answer with its length."""
    length = (b"content-length", b"%d" % len(body))
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Any) -> bytes | None:
    """The whole body; None where the client left before."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
        if not message["more_body"]:
            return body


class Echo:
    """Answers with the body it got, and remembers what it saw."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, bytes | None]] = []
        self.scopes: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(dict(scope))
        body = await read_body(receive)
        self.seen.append((scope["method"], scope["path"], body))
        if body is not None:
            await answer(send, body)


class Held:
    """Takes the whole request, then waits; remembers what it is told of the client.

    `stream` sends the head and one piece first. `finish` lets it complete its answer.
    """

    def __init__(self, *, stream: bool = False) -> None:
        self.stream = stream
        self.told: list[str] = []
        self.arrived = asyncio.Event()
        self.finish = asyncio.Event()
        self.ended = asyncio.Event()
        self.connection: Cycle | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.connection = connection_of(scope)
        self.connection.on_gone(self.told.append)
        await read_body(receive)
        if self.stream:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"first", "more_body": True})
        self.arrived.set()
        await self.finish.wait()
        if self.stream:
            await send({"type": "http.response.body", "body": b"last"})
        else:
            await answer(send, b"whole")
        self.ended.set()


def connection_of(scope: Any) -> Cycle:
    """The request's hold on its client."""
    return scope["connection"]
