"""Runs the sandbox on a socket that is already bound, inside the caller's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from entrepot.sandbox.delivery import Receive, Send
from entrepot.sandbox.wire import EXTENSION, Wire


async def serve(
    app: Callable[[Any, Receive, Send], Awaitable[None]],
    sock: socket.socket,
    stopping: asyncio.Event,
    *,
    grace: float = 1.0,
) -> None:
    """Serve until `stopping`; running answers then get `grace` seconds before they are cut off.

    Takes no signals and configures no logging: both belong to the process that calls.
    """
    config = uvicorn.Config(
        app,
        http=WiredProtocol,
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        backlog=2048,
    )
    await Server(config, stopping, grace).serve(sockets=[sock])


class WiredProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also shows the app the connection (faults need it)."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"wire": Wire(self.transport)}}


class Server(uvicorn.Server):
    """A server that stops when an event says so, and at once when nothing runs."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event, grace: float) -> None:
        super().__init__(config)
        self._stopping = stopping
        self._grace = grace

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return contextlib.nullcontext()

    async def main_loop(self) -> None:
        # uvicorn wakes ten times a second to renew its date header; this server sends none.
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets or []:
            sock.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._until_idle(self._grace)
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            if transport is not None:
                transport.abort()
        await self._until_idle(1.0)
        for task in self.server_state.tasks:
            task.cancel()

    async def _until_idle(self, seconds: float) -> None:
        if self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=seconds)
