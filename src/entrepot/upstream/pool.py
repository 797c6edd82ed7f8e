"""The connections to one origin: newest first, a limit, and a queue in order of arrival."""

import asyncio
from collections import deque
from typing import TypeAlias

import msgspec

from entrepot.core.faults import Kind
from entrepot.core.http import Headers
from entrepot.upstream.connection import Connection

Lines: TypeAlias = tuple[bytes, bytes, Headers]
"""Method, target and headers of a request."""


class PoolStats(msgspec.Struct, frozen=True):
    """One origin's connections; `open` includes those being opened."""

    open: int
    idle: int
    in_use: int
    waiting: int


class Pool:
    """Whoever waits is served before anyone who comes later: a free place never stays unclaimed."""

    __slots__ = ("_connections", "_idle", "_opening", "_waiters", "heads", "limit")

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._opening = 0
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self.limit = 0
        self.heads: dict[Lines, bytes] = {}
        """How requests to this origin began so far: few are there, and each comes again and again."""

    @property
    def empty(self) -> bool:
        """Nothing here is worth keeping."""
        return not (self._connections or self._opening or self._waiters)

    @property
    def _full(self) -> bool:
        return len(self._connections) + self._opening >= self.limit

    def stats(self) -> PoolStats:
        """As of now."""
        size = len(self._connections) + self._opening
        idle = len(self._idle)
        waiting = sum(not waiter.done() for waiter in self._waiters)
        return PoolStats(size, idle, size - idle, waiting)

    def take(self) -> Connection | None:
        """An idle connection, the one used last (the likeliest to be alive)."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.drop()
        return None

    async def reserve(self) -> Connection | None:
        """The right to open a connection (None; end it with `opened`), or one that another call gave back."""
        while self._full and self._idle:
            self._idle[0].drop()  # a fresh one is wanted: the oldest make room
        if not self._full:
            self._opening += 1
            return None
        waiter: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # served and cancelled at the same time: the next one gets it
                granted = waiter.result()
                if granted is None:
                    self.opened()
                else:
                    self.release(granted)
            raise

    def opened(self) -> None:
        """An attempt to open a connection has ended, well (it was added) or not."""
        self._opening -= 1
        self._grant()

    def add(self, connection: Connection) -> None:
        self._connections.add(connection)

    def release(self, connection: Connection) -> None:
        if not connection.usable:
            connection.drop()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._grant()

    def close(self, kind: Kind) -> None:
        """Drop all connections; calls on them end in that fault."""
        for connection in list(self._connections):
            connection.fail(kind)

    def _grant(self) -> None:
        """Give free places to whoever waits longest."""
        while self._waiters and not self._full:
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._opening += 1
                waiter.set_result(None)
