"""The way through to the control process: `/`, `/api`, `/console` and `/docs` on the public port.

It is a relay, after all: control listens on a private socket, so that a slow report never
delays a stream. Nothing is checked on this side of it, so a stranger may come this far: what a
request can hold is small, and so is the number of them.
"""

import asyncio
from typing import Any

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.gateway.request import Head, Receive, Scope, read_body
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

    async def answer(self, scope: Scope, receive: Receive, head: Head, exchange: Exchange) -> None:
        """Pass request and answer. Raises Fault while nothing has been sent."""
        if self._open >= MAX_AT_ONCE:
            # Its body stays unread: the connection cannot be used again.
            exchange.close_after()
            raise Fault(Kind.DRAINING, "Too many requests to the console at once. Try again.", code="overloaded", retry_after=1)
        self._open += 1
        try:
            body = await read_body(receive, head, MAX_BODY, BODY_SECONDS)
            await self._answer(scope, body, head.address, exchange)
        finally:
            self._open -= 1

    async def _answer(self, scope: Scope, body: bytes, address: str, exchange: Exchange) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        query: bytes = scope["query_string"]
        request = Request(
            method=scope["method"].encode(),
            origin=self._origin,
            target=raw + (b"?" + query if query else b""),
            headers=_inwards(scope, address, exchange.request_id),
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
            await exchange.start(response.status, headers)
            while data := await response.chunk():
                await exchange.send(data, more=True)
            await exchange.send(b"", more=False)
        except Fault:
            exchange.abort()
        finally:
            response.close()


def _inwards(scope: Scope, address: str, request_id: str) -> Headers:
    headers: list[tuple[bytes, bytes]] = [pair for pair in scope["headers"] if pair[0] not in _HOP]
    scheme: Any = scope.get("scheme", "http")
    return (
        *headers,
        (b"x-forwarded-for", address.encode()),
        (b"x-forwarded-proto", str(scheme).encode()),
        (b"x-request-id", request_id.encode()),
    )
