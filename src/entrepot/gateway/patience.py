"""When a client's time is up: one timer a connection, and every way in which a connection ends.

The timer is left alone while requests come and go, and asks when it fires what is due (measured: a
request costs no more than without limits).
"""

import asyncio
import math
from abc import abstractmethod
from typing import cast

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import Bell, Edge, Leaving, reset, unsent
from entrepot.gateway.cycle import Cycle, Reason

LINGER = 2.0
"""Seconds in which we still read after our last byte: closing with unread input would reset the
connection, and the client would lose the answer (RFC 9112, 9.6)."""


# Where the parser stands. Plain integers, because they are compared with every read.
BETWEEN = 0
HEAD = 1
BODY = 2


class PatientProtocol(Leaving):
    """A connection that waits for its client, but not for ever."""

    # Slots: an open stream is an open connection, and there are thousands of them.
    __slots__ = (
        "_deaf", "_edge", "_ending", "_head_open", "_limits", "_moved", "_phase", "_queue", "_running", "_since", "_taken",
        "_timer", "_timer_at", "_unsent", "client", "cycle", "loop", "read_paused", "transport", "write_paused",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, edge: Edge, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._edge = edge
        self._limits = edge.limits
        self._phase = BETWEEN
        self._head_open = False
        """A head has begun to arrive, and we saw it unfinished at the end of a read."""
        self.cycle: Cycle | None = None
        """The request that arrived last, until it is over."""
        self._queue: tuple[Cycle, ...] = ()
        """Requests that wait for the answers before them, oldest first."""
        self._running: Cycle | None = None
        """The request that is being answered."""
        self._deaf = False
        """Nothing more is taken from this client; what still comes is dropped."""
        self._ending = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        self._since = 0.0
        """When the present wait for the client began: for a request, a head, a piece of body, its EOF."""
        self._unsent = 0
        self._moved = 0.0
        """When the client last took something, while we watch it."""
        self.read_paused = self.write_paused = False
        self._taken: Bell | None = None
        """Rung when a client that was slower than we has caught up. Most never are."""
        self.client: tuple[str, int] | None = None

    @abstractmethod
    def _refuse(self, fault: Fault) -> None:
        """Answer what is arriving with a fault, after the answers before it, and close."""

    # --- the transport's events

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._edge.connections.add(self)
        peer: tuple[str, int] | str | None = transport.get_extra_info("peername")
        self.client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        self._since = self.loop.time()
        self._arm(self._since + self._limits.keepalive_timeout)
        if self._edge.draining:
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's
        self._deaf = self._ending = True
        self._queue = ()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._edge.connections.discard(self)
        self.cycle = None  # it knows us: let nothing wait for the collector
        if self._edge.draining and not self._edge.connections:
            self._edge.empty.set()
        self._lose("left")
        self.resume_writing()

    def eof_received(self) -> None:
        """A half-closed connection counts as left: no API client sends one and then waits for an answer."""
        self._deaf = self._ending = True
        self._watch_writing()
        self._lose("left")

    def pause_writing(self) -> None:
        self.write_paused = True
        self._watch_writing()

    def resume_writing(self) -> None:
        self.write_paused = False
        taken, self._taken = self._taken, None
        if taken is not None:
            taken.set()

    # --- what an answer needs (cycle.py, Host)

    @property
    def full(self) -> bool:
        """The client takes less than we write."""
        return self.write_paused

    @property
    def date(self) -> bytes:
        """The date header's line."""
        return self._edge.date

    async def drain(self) -> None:
        """Wait until the client has taken enough, or is gone."""
        if self.write_paused:
            self._taken = self._taken or Bell()
            await self._taken.wait()

    def wanted(self) -> None:
        """Read on."""
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def _enough(self) -> None:
        """Read no more until the application wants it."""
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    # --- the end of a connection

    def _lose(self, reason: Reason) -> None:
        """Tell the running request that its client is gone."""
        cycle, self._running = self._running, None
        if cycle is not None:
            self.resume_writing()
            cycle.lose(reason)

    def cut(self, cycle: Cycle) -> None:
        """The application gives its client up."""
        if cycle is self._running:
            self.break_off()

    def break_off(self) -> None:
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
        self.wanted()
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
        elif at == math.inf or self not in self._edge.connections:
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
        if self.read_paused or (self._phase == BODY and self.cycle is not None and self.cycle.awaits_continue):
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
        if not (self.write_paused or (self._ending and self.transport.get_write_buffer_size())):
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
