"""What the edge, the application and the server share: limits, the connections there are, socket facts."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any, TypeAlias

import msgspec

from entrepot.core.dialect import Rendered
from entrepot.core.faults import Fault, Kind
from entrepot.gateway.cycle import Cycle

Application: TypeAlias = Callable[[Cycle], Awaitable[None]]
"""Answers one request. May be called before its body has come."""


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


class Leaving(asyncio.Protocol):
    """A client's connection, as the server ends it."""

    __slots__ = ()

    def shutdown(self) -> None:
        """Take no more requests: close at once where none runs, else after its answer."""

    def break_off(self) -> None:
        """Break the connection off, whatever runs on it."""


class Edge:
    """What all connections of one server share."""

    __slots__ = ("app", "connections", "date", "draining", "empty", "limits", "refused", "render", "request_id", "tasks")

    def __init__(
        self,
        app: Application,
        limits: EdgeLimits,
        render: Callable[[Fault], Rendered],
        request_id: Callable[[], str],
        refused: Callable[[Kind], None],
    ) -> None:
        self.app = app
        self.limits = limits
        self.render = render
        self.request_id = request_id
        self.refused = refused
        """Told of each fault that the edge itself answers."""
        self.connections: set[Leaving] = set()
        self.tasks: dict[Cycle, asyncio.Task[Any]] = {}
        """Of the requests whose application has not returned yet."""
        self.draining = False
        self.empty = asyncio.Event()
        """Set when the last connection has ended while draining."""
        self.tick()

    def tick(self) -> None:
        """A second has passed."""
        self.date = b"date: " + formatdate(usegmt=True).encode("ascii")


class Bell(asyncio.Event):
    """An event that costs 0.1 KB instead of 0.7 while nobody waits: a list in place of a deque."""

    def __init__(self) -> None:  # pyright: ignore[reportMissingSuperCall]
        self._value = False
        self._waiters: list[asyncio.Future[bool]] = []  # pyright: ignore[reportIncompatibleVariableOverride]


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
