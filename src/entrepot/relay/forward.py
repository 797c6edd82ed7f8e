"""Same dialect on both sides: the vendor's bytes pass, a tap reads along.

Headers are held back until the first content, so that a 200 with an error inside can still
fail over: at most `HOLD_SECONDS` after the vendor's 200, or `HOLD_BYTES`.
"""

import asyncio

import msgspec

from entrepot.core.call import Call
from entrepot.core.dialect import Dialect, Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.core.route import Route
from entrepot.kit.clock import Clock
from entrepot.relay.exchange import Exchange
from entrepot.relay.outcome import Outcome
from entrepot.upstream.client import Response

HOLD_SECONDS = 10.0
HOLD_BYTES = 64 * 1024
WHOLE_LIMIT = 8 * 1024 * 1024
"""A larger answer is passed on in pieces instead of being kept whole."""
REFUSAL_LIMIT = 1024 * 1024
"""Bytes of a vendor's refusal that are read and passed on."""
_PASSED_HEADERS = frozenset((b"openai-version", b"openai-processing-ms", b"openai-model"))
_SAY_SECONDS = 5.0


class Forward:
    """Brings one vendor's answer to one client."""

    __slots__ = ("_call", "_clock", "_dialect", "exchange", "outcome")

    def __init__(self, call: Call, dialect: Dialect, exchange: Exchange, outcome: Outcome, clock: Clock) -> None:
        self._call = call
        self._dialect = dialect
        self._clock = clock
        self.exchange = exchange
        self.outcome = outcome

    async def answer(self, route: Route, response: Response) -> None:
        """Pass the answer on. Raises Fault; once the exchange has started, no other route may be tried."""
        status, peek = response.status, self.outcome.peek
        if status >= 400:
            raise self._dialect.refusal(status, response.headers, await response.read(REFUSAL_LIMIT))
        if status >= 300:
            raise Fault(Kind.VENDOR_ERROR, f"The upstream redirects ({status}); its address in the channel is wrong.")
        kind = response.header(b"content-type") or b""
        stream = kind.startswith(b"text/event-stream") or (peek.stream and not kind.startswith(b"application/json"))
        show_model = peek.model if route.mapped else None
        tap = self._dialect.tap(Tapping(stream, show_model, strip_usage=peek.stream and not peek.wants_usage))
        del peek
        try:
            await (self._stream(response, tap) if stream else self._whole(response, tap))
        finally:
            if self.exchange.started:  # an answer that was held back and given up was never delivered
                self.outcome.usage = tap.usage or tap.counted()

    async def _whole(self, response: Response, tap: Tap) -> None:
        body = await _gather(response, WHOLE_LIMIT)
        if not response.ended:
            await self._large(response, tap, body)
            return
        out = tap.feed(body) + tap.end()
        if tap.fault is not None:
            raise tap.fault
        self._committed(response.status)
        length = (b"content-length", str(len(out)).encode())
        await self.exchange.start(response.status, (*self._headers(response), length))
        await self.exchange.send(out, more=False)

    async def _large(self, response: Response, tap: Tap, body: bytes) -> None:
        """An answer that is not kept whole: no failover for an error at its end."""
        self._committed(response.status)
        await self.exchange.start(response.status, self._headers(response))
        await self.exchange.send(tap.feed(body), more=True)
        while data := await response.chunk():
            await self.exchange.send(tap.feed(data), more=True)
        await self.exchange.send(tap.end(), more=False)
        self.outcome.fault = tap.fault

    async def _stream(self, response: Response, tap: Tap) -> None:
        held = await self._first_content(response, tap)
        self._committed(response.status)
        await self.exchange.start(response.status, (*self._headers(response), (b"cache-control", b"no-cache")))
        await self.exchange.send(held, more=True)
        del held
        while data := await response.chunk():
            if out := tap.feed(data):
                await self.exchange.send(out, more=True)
        # The vendor's own error frame has passed already; nothing of ours is added to it.
        await self.exchange.send(tap.end() if tap.fault is None else b"", more=False)
        self.outcome.fault = tap.fault

    async def _first_content(self, response: Response, tap: Tap) -> bytes:
        """Everything up to and with the first content. Raises the Fault of an answer that never gives any."""
        held: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                while not tap.content and size < HOLD_BYTES:
                    data = await response.chunk()
                    if not data:
                        held.append(tap.end())
                        break
                    size += len(data)
                    held.append(tap.feed(data))
                    if tap.fault is not None:
                        raise tap.fault
        except TimeoutError:
            pass  # a vendor that thinks before it speaks: the client gets the headers now
        return b"".join(held)

    def _committed(self, status: int) -> None:
        """From here on this route answers: note the time, and let go of the request's body."""
        self.outcome.first_content = self._clock.monotonic()
        self.outcome.status = status
        if self.outcome.peek.size > 2048:
            self.outcome.peek = msgspec.structs.replace(self.outcome.peek, members={})

    def _headers(self, response: Response) -> Headers:
        kind = response.header(b"content-type") or b"application/json"
        passed = tuple(pair for pair in response.headers if pair[0] in _PASSED_HEADERS)
        dropped = self.outcome.peek.dropped
        named = ((b"x-entrepot-dropped", ",".join(dropped).encode("ascii", "replace")),) if dropped else ()
        return ((b"content-type", kind), *passed, *named)


async def say(fault: Fault, dialect: Dialect, exchange: Exchange, outcome: Outcome) -> None:
    """Tell the client of a fault, in the way that is still open."""
    if fault.kind in (Kind.CLIENT_LEFT, Kind.CLIENT_STALLED):
        return
    try:
        async with asyncio.timeout(_SAY_SECONDS):
            if not exchange.started:
                rendered = dialect.render(fault)
                outcome.status = rendered.status
                if fault.kind is Kind.BODY_TOO_LARGE:
                    exchange.close_after()
                await exchange.start(
                    rendered.status, (*rendered.headers, (b"content-length", str(len(rendered.body)).encode()))
                )
                await exchange.send(rendered.body, more=False)
            elif outcome.peek.stream:
                await exchange.send(dialect.render_late(fault), more=False)
            else:
                exchange.abort()
    except TimeoutError:
        exchange.abort()


async def _gather(response: Response, limit: int) -> bytes:
    """The body, or its beginning of at least `limit` bytes."""
    data = await response.chunk()
    if response.ended:
        return data
    pieces = [data]
    size = len(data)
    while size <= limit and (data := await response.chunk()):
        pieces.append(data)
        size += len(data)
    return b"".join(pieces)
