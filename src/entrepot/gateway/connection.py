"""What the edge, the application and the server share: limits, one request's connection, socket facts."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.flow_control import FlowControl

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.cycle import Cycle

EXTENSION = "entrepot.connection"
"""Name in `scope["extensions"]` of the request's `Connection`."""

Reason: TypeAlias = Literal["left", "stalled"]
"""`left`: the client closed or broke the connection; `stalled`: it stopped reading, or stopped sending its body."""


class EdgeLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may ask of a connection. Sizes are bytes, times are seconds."""

    max_header: int = 64 * 1024
    """Request line and headers together, as they come over the wire."""
    max_headers: int = 256
    header_timeout: float = 10.0
    """From a head's first byte to its last."""
    body_timeout: float = 30.0
    """Longest silence while a body arrives."""
    write_timeout: float = 60.0
    """Longest time without the client taking a byte while we have some for it."""
    keepalive_timeout: float = 75.0
    """How long a connection without a request stays open, a new one too."""


class Edge:
    """What all connections of one server share."""

    __slots__ = ("draining", "empty", "limits", "refused", "render", "request_id")

    def __init__(
        self,
        limits: EdgeLimits,
        render: Callable[[Fault], Rendered],
        request_id: Callable[[], str],
        refused: Callable[[Kind], None],
    ) -> None:
        self.limits = limits
        self.render = render
        self.request_id = request_id
        self.refused = refused
        """Told of each fault that the edge itself answers."""
        self.draining = False
        self.empty = asyncio.Event()
        """Set when the last connection has ended while draining."""


class Connection:
    """A running request's hold on its client. Belongs to that request alone, also on a connection that is used again.

    `gone` is true once the client cannot get the rest of the answer; it stays false when the
    client leaves after the answer was complete.
    """

    __slots__ = ("_callback", "_cut", "cycle", "gone", "reason")

    def __init__(self, cycle: Cycle, cut: Callable[["Connection"], None]) -> None:
        self.cycle = cycle
        self.gone = False
        self.reason: Reason = "left"
        """Why, where `gone`."""
        self._callback: Callable[[Reason], None] | None = None
        self._cut: Callable[[Connection], None] | None = cut

    def on_gone(self, callback: Callable[[Reason], None] | None) -> None:
        """Have `callback` called once when the client is gone, before anything else runs; None takes it back.

        Called right here where the client is gone already. The callback must not raise.
        """
        self._callback = callback
        if self.gone:
            self._tell()

    def close_after(self) -> None:
        """Close the connection after this answer, and say so in its headers where they are not out yet."""
        self.cycle.keep_alive = False

    def abort(self) -> None:
        """Break the connection off at once; what was not sent is lost. The callback learns of it as `left`."""
        if self._cut is not None:
            self._cut(self)

    def lose(self, reason: Reason) -> None:
        """The client is gone. Called by the protocol, once."""
        self.gone = True
        self.reason = reason
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self._tell()

    def detach(self) -> None:
        """The application has returned: let go of callback and protocol, so that nothing needs the collector."""
        self._callback = self._cut = None
        self.cycle.scope.pop("extensions", None)

    def _tell(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self.reason)


class Bell(asyncio.Event):
    """An event that costs 0.1 KB instead of 0.7 while nobody waits: a list in place of a deque."""

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]
        self._value = False
        self._waiters: list[asyncio.Future[bool]] = []  # pyright: ignore[reportIncompatibleVariableOverride]


class Flow(FlowControl):
    """uvicorn's flow control, with our event."""

    def __init__(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportMissingSuperCall]
        self._transport = transport
        self.read_paused = False
        self.write_paused = False
        self._is_writable_event = Bell()
        self._is_writable_event.set()


class Outlet:
    """What a request's cycle takes for its transport: writes go straight through, closing is the protocol's."""

    __slots__ = ("close", "is_closing", "write")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.close = close


class Expecting:
    """An application for a client that waits for 100 Continue.

    Where the answer comes without the body having been asked for, nobody can tell whether the
    body will still come, so the connection must close (RFC 9110, 10.1.1).
    """

    __slots__ = ("_app", "_cycle")

    def __init__(self, app: ASGI3Application, cycle: Cycle) -> None:
        self._app = app
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:  # noqa: ARG002  the cycle's own, wrapped
        await self._app(scope, receive, self._answer)

    async def _answer(self, message: ASGISendEvent) -> None:
        if self._cycle.waiting_for_100_continue:
            self._cycle.keep_alive = False
        await self._cycle.send(message)


class CloseDelimited:
    """An application for an HTTP/1.0 client, which knows no chunks: the end of the connection ends the answer.

    uvicorn would send chunks (RFC 9112, 7.1: only to HTTP/1.1).
    """

    __slots__ = ("_app", "_cycle", "_open")

    def __init__(self, app: ASGI3Application, cycle: Cycle) -> None:
        self._app = app
        self._cycle = cycle
        self._open = False

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:  # noqa: ARG002  the cycle's own, wrapped
        await self._app(scope, receive, self._answer)

    async def _answer(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            if not any(name.lower() == b"content-length" for name, _ in message.get("headers", ())):
                self._open = True
                self._cycle.chunked_encoding = False
                self._cycle.expected_content_length = sys.maxsize
        elif self._open and message["type"] == "http.response.body" and not message.get("more_body", False):
            self._cycle.expected_content_length = len(message.get("body", b""))
        await self._cycle.send(message)


def unsent(transport: asyncio.Transport) -> int:
    """Bytes that the client has not taken yet: ours and the kernel's.

    The kernel's count matters: a slow client empties several MB of socket buffer before ours
    shrinks by one byte, and must not be taken for one that stands still.
    """
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    try:
        (queued,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
    except (OSError, AttributeError, ValueError):  # closed, or not on Linux
        return size
    return size + queued


def reset(transport: asyncio.Transport) -> None:
    """Break a connection so that the kernel, too, drops what is unsent (else it keeps it for minutes)."""
    sock = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError, ValueError):  # a socket that is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
