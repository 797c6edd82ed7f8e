"""The way through to the control process: `/`, `/api`, `/console` and `/docs` on the public port.

It is a relay, after all: control listens on a private socket, so that a slow report never
delays a stream. Nothing is checked on this side of it, so a stranger may come this far: what a
request can hold is small, and so is the number of them.
"""

import asyncio

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.request import read_body, read_head
from entrepot.kit.tasks import current_task
from entrepot.relay.exchange import Exchange
from entrepot.relay.pipeline import Sender

MAX_BODY = 1024 * 1024
BODY_SECONDS = 30.0
"""For a whole body: whoever drips one holds a place that an administrator may need."""
MAX_AT_ONCE = 64
"""In one worker."""
_TIMEOUTS = Timeouts(connect=2.0, first_byte=120.0, idle=120.0, total=600.0)
_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding",
     b"upgrade", b"content-length", b"expect", b"x-forwarded-for", b"x-request-id")
)  # fmt: skip


class Passage:
    """Passes requests to the control process."""

    __slots__ = ("_open", "_origin", "_upstream")

    def __init__(self, upstream: Sender, path: str) -> None:
        self._upstream = upstream
        self._origin = Origin("unix", path, 0)
        self._open = 0

    async def answer(self, cycle: Cycle, trusted_proxies: tuple[str, ...], exchange: Exchange) -> None:
        """Pass request and answer. Raises Fault while nothing has been sent."""
        if self._open >= MAX_AT_ONCE:
            # Its body stays unread: the connection cannot be used again.
            exchange.close_after()
            raise Fault(Kind.DRAINING, "Too many requests to the console at once. Try again.", code="overloaded", retry_after=1)
        self._open += 1
        try:
            pairs = cycle.head.pairs()
            head = read_head(cycle, trusted_proxies)
            body = await read_body(cycle, head, MAX_BODY, BODY_SECONDS)
            await self._answer(cycle, _inwards(pairs, head.address, exchange.request_id), body, exchange)
        finally:
            self._open -= 1

    async def _answer(self, cycle: Cycle, headers: Headers, body: bytes, exchange: Exchange) -> None:
        request = Request(
            method=cycle.method.encode(),
            origin=self._origin,
            target=cycle.raw_path + (b"?" + cycle.query if cycle.query else b""),
            headers=headers,
            body=body,
        )
        exchange.watch(current_task())
        try:
            await self._pass(request, exchange)
        except asyncio.CancelledError:
            if exchange.ended_by is None:
                raise
        finally:
            exchange.unwatch()

    async def _pass(self, request: Request, exchange: Exchange) -> None:
        try:
            response = await self._upstream.send(request, _TIMEOUTS)
        except Fault as fault:
            raise Fault(Kind.STORE_AWAY, "The console is starting or away. Try again soon.", retry_after=1) from fault
        try:
            headers = tuple(pair for pair in response.headers if pair[0] not in _HOP)
            exchange.start(response.status, headers)
            while data := await response.chunk():
                await exchange.send(data, more=True)
            await exchange.send(b"", more=False)
        except Fault:
            exchange.abort()
        finally:
            response.close()


def _inwards(pairs: list[tuple[bytes, bytes]], address: str, request_id: str) -> Headers:
    return (
        *(pair for pair in pairs if pair[0] not in _HOP),
        (b"x-forwarded-for", address.encode()),
        (b"x-forwarded-proto", b"http"),
        (b"x-request-id", request_id.encode()),
    )
