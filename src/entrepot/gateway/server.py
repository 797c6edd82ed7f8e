"""The public server: it accepts, and it drains without cutting anybody off without need.

The order of the end: no new connections, no new requests, wait for the calls, wait for
their last bytes, cut what is left.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import Application, Edge, EdgeLimits
from entrepot.gateway.protocol import EdgeProtocol
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import RequestIds
from entrepot.kit.tasks import TaskGroup

FLUSH = 5.0
"""Seconds that clients have, when all calls are over, to take the last bytes and close."""

UNSENT = 128 * 1024
"""Bytes that the kernel takes from us before the client's window allows it to send them."""


class Server:
    """Serves one application on given listening sockets until told to stop."""

    def __init__(
        self,
        app: Application,
        *,
        limits: EdgeLimits,
        render: Callable[[Fault], Rendered],
        backlog: int = 2048,
        request_id: Callable[[], str] | None = None,
        refused: Callable[[Kind], None] | None = None,
    ) -> None:
        """`render` words the faults that the edge itself answers; `refused` is told of each."""
        ids = request_id or RequestIds(SystemClock()).mint
        self._edge = Edge(app, limits, render, ids, refused or _untold)
        self._limits = limits
        self._backlog = backlog
        self._servers: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """Open client connections."""
        return len(self._edge.connections)

    @property
    def requests(self) -> int:
        """Requests whose application has not returned yet."""
        return len(self._edge.tasks)

    async def run(self, sockets: list[socket.socket], *, stopping: asyncio.Event, drain: Callable[[], Awaitable[None]]) -> None:
        """Serve until `stopping` is set; then `drain` is awaited: it returns when all calls are over.

        While it waits, connections without a request are closed, others close with their answer. What
        is left after `drain` gets `FLUSH` seconds and is cut. Cancelling `run` cuts at once. The sockets
        are bound already; they are closed here. Returns when no connection and no request is left.
        """
        for sock in sockets:
            _tune(sock, self._limits.write_timeout)
        background = TaskGroup()
        loop = asyncio.get_running_loop()
        for sock in sockets:
            server = await loop.create_server(lambda: EdgeProtocol(self._edge, loop), sock=sock, backlog=self._backlog)
            self._servers.append(server)
        background.spawn(self._keep_date(), "server-date")
        try:
            await stopping.wait()
            self._stop_accepting(sockets)
            await drain()
            await self._flushed()
        finally:
            self._stop_accepting(sockets)
            await self._cut()
            await background.close()

    async def _keep_date(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._edge.tick()

    def _stop_accepting(self, sockets: list[socket.socket]) -> None:
        if self._edge.draining:
            return
        self._edge.draining = True
        for server in self._servers:
            server.close()
        for sock in sockets:
            sock.close()
        for connection in list(self._edge.connections):
            connection.shutdown()

    async def _flushed(self) -> None:
        """Wait for applications and connections to end, each in its own time, both within `FLUSH`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH):
                if self._edge.tasks:
                    await asyncio.wait(list(self._edge.tasks.values()))
                if self.connections:
                    await self._edge.empty.wait()

    async def _cut(self) -> None:
        for connection in list(self._edge.connections):
            connection.break_off()
        tasks = list(self._edge.tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._edge.tasks.clear()  # also of those that never began
        if self.connections:
            await self._edge.empty.wait()


def _tune(sock: socket.socket, write_timeout: float) -> None:
    """Set what accepted connections inherit from the socket that listens (Linux; others take what they know).

    The kernel notices clients that vanished without a word, and takes no more than `UNSENT` bytes for a
    client that does not read: without that bound it takes 2.8 MB (measured), which is memory, and an
    answer that counts as delivered.
    """
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": 60,
        "TCP_KEEPINTVL": 15,
        "TCP_USER_TIMEOUT": int(write_timeout * 2000),  # ms; our own watch comes first
        "TCP_NOTSENT_LOWAT": UNSENT,
    }
    for name, value in options.items():
        if option := getattr(socket, name, None):
            sock.setsockopt(socket.IPPROTO_TCP, option, value)


def _untold(_: Kind) -> None:
    """Nobody counts refusals."""
