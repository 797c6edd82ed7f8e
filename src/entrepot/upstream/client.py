"""Sends described requests: a pool per origin, one retry where it is safe, every failure as a Fault."""

import asyncio
from math import inf

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin, Request, Timeouts
from entrepot.upstream.connection import Connection
from entrepot.upstream.dial import Dialer
from entrepot.upstream.guard import Guard
from entrepot.upstream.pool import Lines, Pool, PoolStats
from entrepot.upstream.response import Response
from entrepot.upstream.tls import client_context

_OWN = frozenset((b"connection", b"content-length", b"transfer-encoding", b"keep-alive", b"upgrade", b"te", b"expect"))
"""Headers about the connection: ours to say, dropped from requests."""
_MOST_HEADS = 1024
"""Beginnings of requests that are remembered for one origin."""
_MOST_POOLS = 256
"""At this many origins those without connections are forgotten."""


class Upstream:
    """The HTTP/1.1 client. One for a worker; it belongs to the loop it is first used on.

    Proxies: `http://` and `https://` ones are asked for a tunnel with CONNECT, for plain http origins
    too (so that a proxy never sees or changes a request); `socks5://` resolves names here,
    `socks5h://` at the proxy.
    """

    __slots__ = ("_closed", "_dialer", "_idle_timeout", "_loop", "_pools")

    def __init__(self, *, extra_ca: str | None = None, idle_timeout: float = 60.0, guard: Guard | None = None) -> None:
        """`extra_ca`: PEM file of authorities to trust beside the system's. `idle_timeout`: seconds an unused
        connection is kept. `guard`: for URLs that clients name. Raises OSError where the file cannot be read.
        """
        self._dialer = Dialer(client_context(extra_ca), guard)
        self._idle_timeout = idle_timeout
        self._pools: dict[Origin, Pool] = {}
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, request: Request, timeouts: Timeouts, max_connections: int = 1024) -> Response:
        """Send and wait for the final status and headers. The caller must close the Response. Raises Fault.

        `host`, `content-length` and `accept-encoding: identity` are added; headers about the connection are
        ours. A request is sent a second time only where a reused connection ended before any byte of an answer.
        """
        loop = self._loop = self._loop or asyncio.get_running_loop()
        ends = inf if timeouts.total is None else loop.time() + timeouts.total
        pool = self._pools.get(request.origin)
        head = _head(request, pool.heads if pool is not None else None)
        connection = pool.take() if pool is not None else None
        if connection is None:
            connection = await self._connect(request.origin, timeouts, max_connections)
        first = True
        while True:
            response = connection.send(head, request.body, timeouts, ends)
            try:
                while not response.status:
                    await response.arrival()
            except Fault as fault:
                stale = fault.kind is Kind.VENDOR_RESET and not connection.answered and connection.used > 1
                if not (stale and first):
                    raise
                first = False
                connection = await self._connect(request.origin, timeouts, max_connections, fresh=True)
            except BaseException:
                response.close()
                raise
            else:
                return response

    async def close(self) -> None:
        """Abort everything; calls that still run end in a DRAINING fault."""
        self._closed = True
        for pool in list(self._pools.values()):
            pool.close(Kind.DRAINING)
        await asyncio.sleep(0)  # the transports tell of their end in the loop's next round

    def stats(self) -> dict[Origin, PoolStats]:
        """Connections of every origin that has any."""
        return {origin: pool.stats() for origin, pool in self._pools.items() if not pool.empty}

    async def _connect(self, origin: Origin, timeouts: Timeouts, limit: int, *, fresh: bool = False) -> Connection:
        """A connection that was waited for or newly opened. Raises Fault."""
        kind = Kind.POOL_EXHAUSTED
        try:
            async with asyncio.timeout(timeouts.connect):
                while True:
                    self._check_open()
                    pool = self._pool(origin, limit)
                    connection = (None if fresh else pool.take()) or await pool.reserve()
                    if connection is None:
                        kind = Kind.CONNECT_TIMEOUT
                        return await self._open(origin, pool)
                    if connection.usable:
                        return connection
        except TimeoutError:
            raise Fault(kind) from None

    async def _open(self, origin: Origin, pool: Pool) -> Connection:
        connection = Connection(pool, asyncio.get_running_loop(), self._idle_timeout)
        try:
            self._check_open()
            await self._dialer.dial(origin, connection)
        finally:
            pool.opened()
        if self._closed:
            connection.drop()
        self._check_open()
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise Fault(Kind.DRAINING)

    def _pool(self, origin: Origin, limit: int) -> Pool:
        pool = self._pools.get(origin)
        if pool is None:
            if len(self._pools) >= _MOST_POOLS:
                self._pools = {known: pool for known, pool in self._pools.items() if not pool.empty}
            pool = self._pools[origin] = Pool()
        pool.limit = limit
        return pool


def _head(request: Request, known: dict[Lines, bytes] | None) -> bytes:
    """Request line and headers. All but the length is made once for a route. Raises Fault where a value would end a line."""
    lines = (request.method, request.target, request.headers)
    head = known.get(lines) if known is not None else None
    if head is None:
        head = _all_but_length(request)
        if known is not None:
            if len(known) >= _MOST_HEADS:
                known.clear()
            known[lines] = head
    if request.body or request.method in (b"POST", b"PUT", b"PATCH"):
        return b"%bcontent-length: %d\r\n\r\n" % (head, len(request.body))
    return head + b"\r\n"


def _all_but_length(request: Request) -> bytes:
    """Request line and headers without the end. Raises Fault where a value would end a line early (request smuggling)."""
    headers, method = request.headers, request.method
    given = {name for name, _ in headers}
    if not given.isdisjoint(_OWN):
        headers = tuple(pair for pair in headers if pair[0] not in _OWN)
    lines = [b"%b %b HTTP/1.1" % (method, request.target), *map(b": ".join, headers)]
    if b"host" not in given:
        lines.insert(1, b"host: " + _host(request.origin))
    if b"accept-encoding" not in given:
        lines.append(b"accept-encoding: identity")
    lines.append(b"")
    head = b"\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head or lines[0].count(b" ") != 2:
        raise Fault(Kind.MALFORMED_HTTP, "The path or a header holds a line break, or the path a space.")
    return head


def _host(origin: Origin) -> bytes:
    authority = origin.authority
    try:
        return authority.encode("ascii" if authority.isascii() else "idna")
    except UnicodeError:
        raise Fault(Kind.DNS_FAILED) from None
