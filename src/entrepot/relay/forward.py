"""Same dialect on both sides: the vendor's bytes pass, a tap reads along.

Headers are held back until the first content, so that a 200 with an error inside can still
fail over: at most `HOLD_SECONDS` after the vendor's 200, or `HOLD_BYTES`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec

from entrepot.billing.hold import CHECK_CHUNKS
from entrepot.core.call import WRITING, Call
from entrepot.core.dialect import WHOLE_LIMIT, Dialect, Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.core.money import format_usd
from entrepot.core.record import Record
from entrepot.core.route import Route
from entrepot.kit.clock import Clock
from entrepot.kit.headtext import NO_HEAD
from entrepot.relay.exchange import Exchange
from entrepot.relay.outcome import Outcome
from entrepot.relay.pulse import Pulse
from entrepot.relay.speech import Speech
from entrepot.upstream.response import Response

Synced: TypeAlias = Callable[[int], Awaitable[None]]
"""Waits until a position of the journal is as durable as was asked for."""

HOLD_SECONDS = 10.0
HOLD_BYTES = 64 * 1024
REFUSAL_LIMIT = 1024 * 1024
"""Bytes of a vendor's refusal that are read and passed on."""
REFUSAL_SECONDS = 2.0
LINGER_SECONDS = 1.0
"""How long a vendor may take to end an answer whose last word has come, to keep its connection."""
_SAY_SECONDS = 5.0


class Forward:
    """Brings one vendor's answer to one client."""

    __slots__ = ("_call", "_clock", "_show_cost", "_speech", "_synced", "exchange", "outcome")

    def __init__(
        self,
        call: Call,
        exchange: Exchange,
        outcome: Outcome,
        *,
        clock: Clock,
        synced: Synced,
        show_cost: bool,
    ) -> None:
        self._call = call
        self._speech: Speech | None = None
        """Of the attempt that answers."""
        self._show_cost = show_cost
        self._clock = clock
        self.exchange = exchange
        self.outcome = outcome
        self._synced = synced

    async def answer(self, route: Route, response: Response, speech: Speech) -> None:
        """Pass the answer on. Raises Fault; once the exchange has started, no other route may be tried."""
        status, peek = response.status, self.outcome.peek
        if status >= 400:
            raise hidden(speech.refusal(status, response.headers, await _refusal(response)), route, peek.model)
        if status >= 300:
            raise Fault(Kind.VENDOR_ERROR, f"The upstream redirects ({status}); its address in the channel is wrong.")
        kind = response.header(b"content-type") or b""
        stream = kind.startswith(b"text/event-stream") or (peek.stream and not kind.startswith(b"application/json"))
        if peek.stream and not stream and self._call.operation in WRITING:
            raise Fault(Kind.VENDOR_GARBAGE, "The upstream answered in one piece where a stream was asked for.")
        show_model = peek.model if route.mapped else None
        unasked = peek.stream and not peek.wants_usage
        tap = speech.tap(Tapping(stream, show_model, unasked, self._show_cost, self._call.array))
        self._speech = speech
        del peek
        self.outcome.tap = tap
        pulse = Pulse(self.outcome.hold, response, tap) if stream else None
        try:
            await (self._stream(response, tap) if stream else self._whole(response, tap))
        finally:
            if pulse is not None:
                pulse.stop()
            if self.exchange.started:  # an answer that was held back and given up was never delivered
                self._count(tap)

    async def _whole(self, response: Response, tap: Tap) -> None:
        body = await _gather(response, WHOLE_LIMIT)
        if not response.complete:
            await self._large(response, tap, body)
            return
        out = tap.feed(body) + tap.end()
        if tap.fault is not None:
            raise self._told(tap.fault)
        self._committed(response.status)
        await self._settle(tap, out)
        cost = format_usd(self.outcome.charge)
        headers = (*self._headers(response), (b"x-entrepot-cost", cost.encode()))
        await self.exchange.answer(response.status, headers, out + tap.last(cost))

    async def _large(self, response: Response, tap: Tap, body: bytes) -> None:
        """An answer that is not kept whole: no failover for an error at its end."""
        self._committed(response.status)
        self.exchange.start(response.status, self._headers(response))
        await self.exchange.send(tap.feed(body), more=True)
        while data := await response.chunk():
            await self.exchange.send(tap.feed(data), more=True)
        out, self.outcome.fault = tap.end(), tap.fault
        await self._settle(tap, out)
        await self.exchange.send(out + tap.last(format_usd(self.outcome.charge)), more=False)

    async def _stream(self, response: Response, tap: Tap) -> None:
        held = await self._first_content(response, tap)
        self._committed(response.status, content=tap.content)
        self.exchange.start(response.status, (*self._headers(response), (b"cache-control", b"no-cache")))
        response.head = NO_HEAD  # half a kilobyte that nobody needs while the stream is open
        last = await self._pass(response, tap, held)
        # The vendor's own error frame is in it, or its [DONE]: nothing of ours is added, and it waits for the charge.
        last += tap.end() if tap.fault is None else await _linger(response, tap)
        self.outcome.fault = tap.fault
        await self._settle(tap, last)
        await self.exchange.send(last + tap.last(format_usd(self.outcome.charge)), more=False)
        await _linger(response, tap)

    async def _pass(self, response: Response, tap: Tap, held: bytes) -> bytes:
        """Pass on what comes; gives the piece with the last word in it, not sent yet (empty where the vendor just closed)."""
        out, chunks = held, 0

        def take(data: bytes) -> bool:
            """One piece, from the vendor's socket to the client's; False where the task must look."""
            nonlocal out, chunks
            out = tap.feed(data)
            chunks += 1
            if self.outcome.first_content is None and tap.content:
                self.outcome.began(self._clock.monotonic())
            if tap.done or tap.fault is not None:
                return False
            return self.exchange.put(out) and chunks % CHECK_CHUNKS != 0

        if not (tap.done or tap.fault is not None):
            await self.exchange.send(held, more=True)  # the edge sends the head with the first piece, and be it empty
        while not (tap.done or tap.fault is not None):
            await response.pour(take)
            if tap.done or tap.fault is not None:
                break
            if response.complete:
                return b""
            if chunks % CHECK_CHUNKS == 0 and self.outcome.hold is not None:
                await self.outcome.hold.cover(tap.counted(), self._so_far, free=self.outcome.free_interrupted)
            await self.exchange.ready()
        return out

    def _count(self, tap: Tap) -> None:
        """What the client was given."""
        usage, hold = tap.usage, self.outcome.hold
        if not tap.done and not tap.content:
            return  # nothing was delivered, if only the head (some count the prompt in it): nothing is charged
        if usage is None or not tap.done:
            delivered = tap.counted()
            # A running total that a vendor sent on the way says less than what has passed since.
            if usage is None or delivered.output_total > usage.output_total:
                usage = hold.counted(delivered, usage) if hold is not None else delivered
        self.outcome.usage = usage

    async def _settle(self, tap: Tap, end: bytes) -> None:
        """The charge is in the journal before the end of the answer goes out."""
        self.exchange.announce(len(end))
        self._count(tap)
        position = self.outcome.settle(self._call, self.exchange, self._clock.monotonic())
        if position is not None:
            await self._synced(position)

    def _so_far(self) -> Record:
        """The call as it stands: what a crash now would leave on the bill."""
        if self.outcome.tap is not None:
            self._count(self.outcome.tap)
        return self.outcome.record(self._call, self.exchange, self._clock.monotonic())

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
                        raise self._told(tap.fault)
        except TimeoutError:
            pass  # a vendor that thinks before it speaks: the client gets the headers now
        return b"".join(held)

    def _told(self, fault: Fault) -> Fault:
        """An error inside a 200, as the client may see it."""
        route = self.outcome.route
        return hidden(fault, route, self.outcome.peek.model) if route is not None else fault

    def _committed(self, status: int, *, content: bool = True) -> None:
        """From here on this route answers: note the time, and let go of the request's body."""
        if content:
            self.outcome.began(self._clock.monotonic())
        self.outcome.status = status
        if self.outcome.peek.stream or self.outcome.peek.size > 2048:
            self.outcome.peek = msgspec.structs.replace(self.outcome.peek, members={})

    def _headers(self, response: Response) -> Headers:
        assert self._speech is not None  # noqa: S101  # an answer is on its way
        headers = [(b"content-type", self._speech.content_type(response.header(b"content-type")))]
        headers += [(name, value) for name in self._speech.shows if (value := response.header(name)) is not None]
        if dropped := self.outcome.dropped:
            headers.append((b"x-entrepot-dropped", ",".join(dropped).encode("ascii", "replace")))
        if (hold := self.outcome.hold) is not None and hold.max_output is not None:
            headers.append((b"x-entrepot-max-output", b"%d" % hold.max_output))
        return (*headers, *self.outcome.limit_headers)


def _last_words(fault: Fault, dialect: Dialect, outcome: Outcome) -> bytes:
    """An empty wallet ends a stream like a full one does (`length`); every other fault is an error."""
    tap = outcome.tap
    if tap is None:
        return dialect.render_late(fault)
    end = tap.cutoff() if fault.kind is Kind.BALANCE_EXHAUSTED else dialect.render_late(fault)
    return tap.last(format_usd(outcome.charge)) + end


async def say(fault: Fault, dialect: Dialect, exchange: Exchange, outcome: Outcome) -> None:
    """Tell the client of a fault, in the way that is still open."""
    if fault.kind in (Kind.CLIENT_LEFT, Kind.CLIENT_STALLED):
        return
    try:
        async with asyncio.timeout(_SAY_SECONDS):
            if not exchange.started:
                rendered = dialect.render(fault, exchange.request_id)
                outcome.status = rendered.status
                if fault.kind in (Kind.BODY_TOO_LARGE, Kind.SLOW_CLIENT):
                    exchange.close_after()
                await exchange.answer(rendered.status, rendered.headers, rendered.body)
            elif outcome.peek.stream:
                await exchange.send(_last_words(fault, dialect, outcome), more=False)
            else:
                exchange.abort()
    except TimeoutError:
        exchange.abort()


async def _refusal(response: Response) -> bytes:
    """What comes of a refusal's body within bounds: its status says enough."""
    body = b""
    try:
        async with asyncio.timeout(REFUSAL_SECONDS):
            while len(body) < REFUSAL_LIMIT and (data := await response.chunk()):
                body += data
    except (Fault, TimeoutError):
        pass
    return body


async def _linger(response: Response, tap: Tap) -> bytes:
    """What a vendor still says after its last word, for a moment: with its own end, the connection can be used again."""
    out = b""
    try:
        async with asyncio.timeout(LINGER_SECONDS):
            while data := await response.chunk():
                out += tap.feed(data)
    except (Fault, TimeoutError):
        pass
    return out


def hidden(fault: Fault, route: Route, model: str) -> Fault:
    """A refusal without what only the operator may know: the channel's key and host, the vendor's name for the model."""
    secrets = [(route.secret, "…"), (route.origin.host, "upstream")]
    if route.mapped:
        secrets.append((route.model, model))
    for secret, shown in secrets:
        if len(secret) >= 4:
            fault.message = fault.message.replace(secret, shown)
            if fault.vendor is not None:
                body = fault.vendor.body.replace(secret.encode(), shown.encode())
                fault.vendor = msgspec.structs.replace(fault.vendor, body=body)
    return fault


async def _gather(response: Response, limit: int) -> bytes:
    """The body, or its beginning of at least `limit` bytes."""
    data = await response.chunk()
    if response.complete:
        return data
    pieces = [data]
    size = len(data)
    while size <= limit and (data := await response.chunk()):
        pieces.append(data)
        size += len(data)
    return b"".join(pieces)
