"""The client's side of one call: what was sent to it, and whether it is still there."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers


class Connection(Protocol):
    """What the server's edge tells about the client's connection (gateway/cycle.py)."""

    @property
    def gone(self) -> bool:
        """The client left, or was cut off for not reading."""
        ...

    def on_gone(self, callback: Callable[[str], None] | None) -> None:
        """Call back once, with `left` or `stalled`; None unregisters."""
        ...

    def close_after(self) -> None:
        """Close the connection when this answer is out."""
        ...

    def abort(self) -> None:
        """Cut the connection now."""
        ...

    @property
    def full(self) -> bool:
        """The client takes less than is written: `drain` before more."""
        ...

    async def drain(self) -> None:
        """Wait until the client has taken enough, or is gone."""
        ...

    def start(self, status: int, headers: Headers) -> None:
        """The head of the answer; it goes out with the first piece of the body."""
        ...

    def write(self, body: bytes, *, more: bool) -> None:
        """A piece of the body; with the last one the answer is complete."""
        ...

    def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once."""
        ...


class Exchange:
    """One answer on its way to one client."""

    __slots__ = ("_ahead", "_connection", "_ids", "_task", "bytes_out", "drains", "ended_by", "request_id", "sent", "started")

    def __init__(self, connection: Connection, request_id: str) -> None:
        self._connection = connection
        self._task: asyncio.Task[Any] | None = None
        self.request_id = request_id
        self._ids: Headers = ((b"x-request-id", request_id.encode("latin-1")),)
        self.sent = False
        """A vendor has the request: it works, and wants to be paid."""
        self.started = False
        self.bytes_out = 0
        self._ahead = 0
        """Bytes that are counted already, and go out with the next write."""
        self.drains = False
        """Disconnect policy `drain`: read on when the client leaves, and bill the true usage."""
        self.ended_by: Kind | None = None
        """Why the call was cancelled, where it was."""

    def name_id(self, header: bytes) -> None:
        """Say the request id in this header too, where a dialect's clients look for it."""
        if header:
            self._ids = (*self._ids, (header, self._ids[0][1]))

    def watch(self, task: "asyncio.Task[Any]") -> None:
        """Cancel `task` when the client leaves. Raises Fault where it has left already."""
        self._task = task
        if self._connection.gone:
            raise Fault(Kind.CLIENT_LEFT)
        self._connection.on_gone(self._left)

    def unwatch(self) -> None:
        """The call is over: nothing may cancel its task any more."""
        self._task = None
        self._connection.on_gone(None)

    def stop(self, why: Kind) -> None:
        """End the call from outside (drain)."""
        if self._task is not None and self.ended_by is None:
            self.ended_by = why
            self._task.cancel()

    def start(self, status: int, headers: Headers) -> None:
        """The head of the answer; it goes out with the first piece of the body."""
        self.started = True
        self._connection.start(status, (*headers, *self._ids))

    def announce(self, size: int) -> None:
        """So many bytes go out next: what is settled before they do counts them."""
        self.bytes_out += size - self._ahead
        self._ahead = size

    async def answer(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer at once: it is complete, and settled."""
        self.started = True
        self.unwatch()
        self.bytes_out += len(body) - self._ahead
        self._ahead = 0
        if self._connection.full:
            await self._connection.drain()
        self._connection.answer(status, (*headers, *self._ids), body)

    async def send(self, data: bytes, *, more: bool) -> None:
        """Send a piece of the body; waits while the client is slower than the vendor.

        With the last piece the answer is complete, and settled: whoever leaves now has had it.
        """
        if not more:
            self.unwatch()
        self.bytes_out += len(data) - self._ahead
        self._ahead = 0
        if self._connection.full:
            await self._connection.drain()
        self._connection.write(data, more=more)

    def put(self, data: bytes) -> bool:
        """A piece of the body, not waiting; False where the client is slower than the vendor: then wait until it is `ready`."""
        if data:
            self.bytes_out += len(data)
            self._connection.write(data, more=True)
        return not self._connection.full

    async def ready(self) -> None:
        """Wait while the client is slower than the vendor."""
        if self._connection.full:
            await self._connection.drain()

    def close_after(self) -> None:
        """Do not keep the connection: the request was not read to its end."""
        self._connection.close_after()

    def abort(self) -> None:
        """Nothing well-formed can be said any more."""
        self._connection.abort()

    @property
    def gone(self) -> bool:
        """Has the client left?"""
        return self._connection.gone

    def _left(self, how: str) -> None:
        if self.drains and self.sent:
            return
        self.stop(Kind.CLIENT_STALLED if how == "stalled" else Kind.CLIENT_LEFT)
