"""When a client's time is up: one timer a connection, and every way in which a connection ends.

uvicorn cancels and creates a timer with each answer; here the timer is left alone while requests come
and go, and asks when it fires what is due (measured: a request costs no more than without
limits, and an idle connection takes less than half of uvicorn's memory).
"""

import asyncio
import math
from abc import abstractmethod
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import Connection, Edge, Flow, Outlet, Reason, reset, unsent
from entrepot.gateway.cycle import Cycle

LINGER = 2.0
"""Seconds in which we still read after our last byte: closing with unread input would reset the
connection, and the client would lose the answer (RFC 9112, 9.6)."""


# Where the parser stands. Plain integers, because they are compared with every header.
BETWEEN = 0
HEAD = 1
BODY = 2


class PatientProtocol(HttpToolsProtocol):
    """A connection that waits for its client, but not for ever."""

    # Slots: more than 30 attributes in the instance's dict would cost 2 KB a connection (CPython 3.11 stops sharing keys).
    __slots__ = (
        "_deaf",
        "_edge",
        "_ending",
        "_head_open",
        "_limits",
        "_moved",
        "_outlet",
        "_phase",
        "_queue",
        "_run",
        "_running",
        "_since",
        "_timer",
        "_timer_at",
        "_unsent",
    )

    parser: httptools.HttpRequestParser
    app: ASGI3Application  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        edge: Edge,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._edge = edge
        self._limits = edge.limits
        self._phase = BETWEEN
        self._run = 0
        """Bytes since the last step forward: the end of a head, a piece of body, the end of a message."""
        self._head_open = False
        """A head has begun to arrive, and we saw it unfinished at the end of a read."""
        self.pipeline = cast("Any", None)  # replaced by a queue that is free while it is empty
        self._queue: tuple[Cycle, ...] = ()
        """Requests that wait for the answers before them, oldest first."""
        self._running: Connection | None = None
        """The request that is being answered."""
        self._deaf = False
        """Nothing more is taken from this client; what still comes is dropped."""
        self._ending = False
        self._outlet: Outlet | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._since = 0.0
        """When the present wait for the client began: for a request, a head, a piece of body, its EOF."""
        self._unsent = 0
        self._moved = 0.0
        """When the client last took something, while we watch it."""

    @abstractmethod
    def _refuse(self, fault: Fault) -> None:
        """Answer what is arriving with a fault, after the answers before it, and close."""

    # --- the transport's events

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        super().connection_made(transport)
        self.flow = Flow(transport)
        self._outlet = Outlet(transport, self._hang_up)
        self._since = self.loop.time()
        self._arm(self._since + self._limits.keepalive_timeout)
        if self._edge.draining:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._deaf = self._ending = True
        self._queue = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connection_lost(exc)
        self._outlet = None
        self.cycle = cast("Cycle", None)  # it knows us: let nothing wait for the collector
        if self._edge.draining and not self.connections:
            self._edge.empty.set()
        self._lose("left")

    def eof_received(self) -> None:
        """A half-closed connection counts as left: no API client sends one and then waits for an answer."""
        self._deaf = self._ending = True
        self._watch_writing()
        self._lose("left")

    def pause_writing(self) -> None:
        self.flow.pause_writing()
        self._watch_writing()

    # --- the end of a connection

    def _lose(self, reason: Reason) -> None:
        """Tell the running request that its client is gone."""
        connection, self._running = self._running, None
        if connection is not None:
            self.flow.resume_writing()
            connection.lose(reason)

    def _cut(self, connection: Connection) -> None:
        """The application gives its client up."""
        if connection is self._running:
            self.cut()

    def cut(self) -> None:
        """Break the connection off, whatever runs on it. Called by the server when its patience has ended."""
        self._lose("left")
        self._abort()

    def _abort(self) -> None:
        self._deaf = self._ending = True
        reset(self.transport)

    def _close(self) -> None:
        self._deaf = self._ending = True
        self._watch_writing()
        self.transport.close()

    def _hang_up(self, *, linger: bool = False) -> None:
        """Close when all is sent; where request bytes may still be on their way, read on for a moment first."""
        self._queue = ()
        if not (linger or self._phase) or self.transport.is_closing() or not self.transport.can_write_eof():
            self._close()
            return
        self._deaf = self._ending = True
        self.flow.resume_reading()
        self.transport.write_eof()
        self._since = self.loop.time()
        self._watch_writing()
        self._arm(self._since + LINGER)

    def shutdown(self) -> None:
        """Take no more requests: close at once where none runs, else after its answer. Called when draining."""
        if self._running is not None:
            self._running.close_after()
        elif not self._ending:
            self._close()

    # --- patience: one timer a connection, armed for the earliest time at which something could be due

    def _watch_writing(self) -> None:
        if self.transport.get_write_buffer_size():
            self._unsent = unsent(self.transport)
            self._moved = self.loop.time()
            self._arm(self._moved + self._limits.write_timeout / 4)

    def _arm(self, at: float) -> None:
        """Have the timer fire at `at` or before."""
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        elif at == math.inf or self._outlet is None:
            return  # nothing to wait for, or the connection is lost
        self._timer_at = at
        self._timer = self.loop.call_later(max(at - self.loop.time(), 0.001), self._look)

    def _look(self) -> None:
        """The timer: see what is due, and when to look again."""
        self._timer = None
        now = self.loop.time()
        writing = self._look_at_writing(now)
        reading = self._look_at_ending(now) if self._ending else self._look_at_reading(now)
        self._arm(min(writing, reading))

    def _look_at_reading(self, now: float) -> float:
        limits = self._limits
        if self._phase != BODY and not self._head_open and self._running is not None:
            return math.inf
        patience = limits.body_timeout if self._phase == BODY else limits.header_timeout
        if self.flow.read_paused or (self._phase == BODY and self.cycle.waiting_for_100_continue):
            self._since = math.inf  # it is we who keep the client waiting
            return now + patience
        if self._since == math.inf:
            self._since = now
        idle = self._phase != BODY and not self._head_open
        due = self._since + (limits.keepalive_timeout if idle else patience)
        if now < due:
            return due
        if idle:
            self._close()
        else:
            self._refuse(Fault(Kind.SLOW_CLIENT))
        return math.inf

    def _look_at_ending(self, now: float) -> float:
        """We have said our last word: wait for the client's EOF, but not for long."""
        if self.transport.is_closing():
            return math.inf
        if self.transport.get_write_buffer_size():
            self._since = now
        due = self._since + LINGER
        if now < due:
            return due
        self.transport.close()
        return math.inf

    def _look_at_writing(self, now: float) -> float:
        if not (self.flow.write_paused or (self._ending and self.transport.get_write_buffer_size())):
            return math.inf
        left = unsent(self.transport)
        if left < self._unsent:
            self._unsent, self._moved = left, now
        due = self._moved + self._limits.write_timeout
        if now >= due:
            self._lose("stalled")
            self._abort()
            return math.inf
        return min(due, now + self._limits.write_timeout / 4)
