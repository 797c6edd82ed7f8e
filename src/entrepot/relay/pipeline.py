"""How a call runs, top to bottom: admit → peek → hold → for each route: send → forward → settle.

The coroutine `Relay.run` owns the call: on every exit (done, client left, vendor broke,
server stopping, cancelled) it settles, records and leaves the registry, synchronously.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from entrepot.access.admission import Admission, permit_model
from entrepot.access.limits import Entered, Limits
from entrepot.billing.hold import Billing, When
from entrepot.billing.prices import PriceBook
from entrepot.core.call import Call, Operation
from entrepot.core.dialect import Dialect
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Request, Timeouts
from entrepot.core.record import Attempt, Record
from entrepot.core.route import Route
from entrepot.kit.clock import Clock
from entrepot.kit.tasks import current_task
from entrepot.relay.exchange import Exchange
from entrepot.relay.forward import Forward, say
from entrepot.relay.outcome import Outcome
from entrepot.relay.registry import Registry
from entrepot.relay.speech import Interpreter
from entrepot.routing.affinity import mark_of
from entrepot.routing.candidates import Candidates, Router
from entrepot.routing.trial import Trial
from entrepot.upstream.client import Response

_log = logging.getLogger("entrepot.relay")

MAX_ATTEMPTS = 6
PATIENCE = 2.0
"""Seconds that a call waits for room in a channel, where all that may serve it are full."""
FAILOVER_SECONDS = 300.0
"""After a call's arrival: what fails later is final. Most clients have given up by then."""

Body = Callable[[], Awaitable[bytes]]
"""Read the request's body. Raises Fault(BODY_TOO_LARGE | CLIENT_LEFT)."""


class Sender(Protocol):
    """Sends described requests (upstream/client.py)."""

    async def send(self, request: Request, timeouts: Timeouts, max_connections: int = 1024) -> Response:
        """The answer, when its head is there. Raises Fault."""
        ...


class Services(msgspec.Struct, frozen=True):
    """What a relay stands on."""

    admission: Admission
    router: Callable[[], Router]
    """The router over the snapshot that holds now."""
    prices: Callable[[], PriceBook]
    """The prices that hold now."""
    billing: Billing
    limits: Limits
    upstream: Sender
    interpreter: Interpreter
    dialects: dict[str, Dialect]
    """By operation."""
    registry: Registry
    clock: Clock
    observe: Callable[[Record], None]
    show_cost: bool = True
    """Write what a call costs into the usage of its answer."""


class Relay:
    """Runs calls."""

    __slots__ = ("_services",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def run(self, call: Call, secret: str | None, body: Body, exchange: Exchange) -> None:
        """Answer one call, whatever happens. Returns when the answer is out and the call recorded."""
        services, outcome = self._services, Outcome()
        try:
            services.registry.enter(exchange)
            exchange.watch(current_task())
            forward = Forward(
                call,
                exchange,
                outcome,
                clock=services.clock,
                synced=services.billing.synced,
                show_cost=services.show_cost,
            )
            await self._answer(call, secret, body, forward)
        except Fault as fault:
            await self._fail(fault, call, exchange, outcome)
        except asyncio.CancelledError:
            fault = outcome.fault = Fault(exchange.ended_by or Kind.DRAINING)
            if exchange.ended_by is None:
                raise
            await self._fail(fault, call, exchange, outcome)
        except Exception:  # noqa: BLE001 - the outermost wrapper of a call: a defect must not take the connection down
            _log.exception("defect in a call", extra={"request_id": call.id})
            await self._fail(Fault(Kind.INTERNAL), call, exchange, outcome)
        finally:
            exchange.unwatch()
            try:
                self._close(call, exchange, outcome)
            finally:
                services.registry.leave(exchange)

    async def _fail(self, fault: Fault, call: Call, exchange: Exchange, outcome: Outcome) -> None:
        """Charge for what was delivered, then tell the client."""
        outcome.fault = fault
        outcome.settle(call, exchange, self._services.clock.monotonic())
        await say(fault, self._services.dialects[call.operation], exchange, outcome)

    def _close(self, call: Call, exchange: Exchange, outcome: Outcome) -> None:
        """Settle what is not settled yet, and tell the observers. Synchronous: no exit can skip it."""
        services = self._services
        if outcome.entered is not None:
            outcome.entered.leave(outcome.usage.prompt_total + outcome.usage.output_total)
        outcome.settle(call, exchange, services.clock.monotonic())
        record = outcome.final(call, exchange, services.clock.monotonic())
        if outcome.hold is None and outcome.caller is not None:
            services.billing.note(record)
        services.observe(record)

    async def _answer(self, call: Call, secret: str | None, body: Body, forward: Forward) -> None:
        services, outcome = self._services, forward.outcome
        caller = outcome.caller = await services.admission.admit(secret, call.address)
        # No local name for the peek: it holds the request's body, which is dropped at the first content.
        outcome.peek = services.dialects[call.operation].peek(await body())
        if call.model:  # the path says what to call, and how
            outcome.peek = msgspec.structs.replace(outcome.peek, model=call.model, stream=call.stream, wants_usage=call.stream)
        permit_model(caller, outcome.peek.model)
        if caller.models:
            for model in services.dialects[call.operation].others(outcome.peek):
                permit_model(caller, model)
        router = services.router()
        routes = router.candidates(caller.groups, outcome.peek.model)
        if routes.affinity != "off":
            routes.mark = mark_of(routes.affinity, call.session, caller.user_id, caller.key_id, outcome.peek.members)
        entered = services.limits.enter(caller, router.serving(caller.groups, outcome.peek.model), outcome.peek.model)
        outcome.entered = entered if isinstance(entered, Entered) else await entered
        self._tell_limits(call, outcome)
        most = router.snapshot.about(outcome.peek.model).max_output
        when = When(round(call.arrived * 1_000_000), router.dearest(caller.groups), most)
        outcome.hold = await services.billing.hold(caller, call.operation, outcome.peek, services.prices(), when)
        await self._try_each(call, routes, forward)

    async def _try_each(self, call: Call, routes: Candidates, forward: Forward) -> None:
        """Routes in turn until one has answered. Raises the last one's Fault."""
        services, outcome = self._services, forward.outcome
        last: Fault | None = None
        route = routes.next() or await self._room(routes)
        while route is not None:
            fault: Fault | None = None
            operation = services.interpreter.operation(call, route)
            if operation is None:
                pass
            elif outcome.serves_elsewhere(route) and (full := await self._move(call, outcome, route)):
                last = last or full
            else:
                outcome.route = route
                fault = last = await self._attempt(call, operation, route, routes.begin(route), forward)
                if fault is None:
                    return
                over = forward.exchange.started or forward.exchange.gone
                if over or self._is_final(fault, call, outcome):
                    break
            route = routes.next(fault) or await self._room(routes)
        if last is None and routes.full:
            message = "All that serves this model is at its limits. Try again soon."
            raise Fault(Kind.POOL_EXHAUSTED, message, retry_after=routes.full)
        if last is None and await self._answer_alone(call, forward):
            return
        raise last or Fault(Kind.NO_CHANNEL, f"No channel serves {call.operation} for this model.")

    async def _room(self, routes: Candidates) -> Route | None:
        """A route of a channel that was full, once it has room; else what is left."""
        if not routes.waits:
            return None
        now = self._services.clock.monotonic
        ends = now() + PATIENCE
        while routes.waits and now() + routes.waits <= ends:
            await asyncio.sleep(routes.waits)
            if (route := routes.next()) is not None:
                return route
        routes.hurried = True
        return routes.next()

    async def _answer_alone(self, call: Call, forward: Forward) -> bool:
        """Say what we can where no vendor has the operation; False where that is nothing."""
        outcome = forward.outcome
        own = self._services.dialects[call.operation].own_answer(outcome.hold.prompt if outcome.hold else 0)
        if own is None:
            return False
        outcome.status = 200
        headers = ((b"content-type", b"application/json"), (b"x-entrepot-basis", b"counted"), *outcome.limit_headers)
        await forward.exchange.answer(200, headers, own)
        return True

    def _is_final(self, fault: Fault, call: Call, outcome: Outcome) -> bool:
        """Is it no use to try elsewhere, or has the call had all the attempts that it may have?"""
        if not fault.row.elsewhere or len(outcome.attempts) >= MAX_ATTEMPTS:
            return True
        return self._services.clock.monotonic() - call.started > FAILOVER_SECONDS

    async def _move(self, call: Call, outcome: Outcome, route: Route) -> Fault | None:
        """Enter the limits of the route's group; why not, where these are reached: then its routes are passed over."""
        assert outcome.entered is not None  # noqa: S101  # it serves elsewhere
        try:
            await self._services.limits.move(outcome.entered, route.group)
        except Fault as fault:
            return fault
        self._tell_limits(call, outcome)
        return None

    def _tell_limits(self, call: Call, outcome: Outcome) -> None:
        """Answers say how near its limits the call is, in its own dialect."""
        assert outcome.entered is not None  # noqa: S101  # it was let in
        standing = self._services.limits.standing(outcome.entered)
        outcome.limit_headers = self._services.dialects[call.operation].limits(standing) if standing else ()

    async def _attempt(self, call: Call, operation: Operation, route: Route, trial: Trial, forward: Forward) -> Fault | None:
        """One try on one route: None when it answered, else why not."""
        services, outcome = self._services, forward.outcome
        before, started = outcome.attempts, services.clock.monotonic()
        response: Response | None = None
        ended: str | None = "cancelled"
        outcome.trial = trial
        try:
            outcome.tap = None  # of an answer that was given up
            forward.exchange.drains = route.disconnect == "drain"
            forward.exchange.sent = True
            if outcome.hold is not None:
                outcome.hold.ratio_ppm = route.ratio_ppm
            if operation == call.operation:
                speech = services.interpreter.forwarded(call, route, outcome)
            else:
                speech = await services.interpreter.converted(call, route, operation, outcome)
            response = await services.upstream.send(speech.request, route.timeouts, route.max_connections)
            # Noted already: the charge is settled, with its attempts, before the answer ends.
            outcome.attempts = (*before, _attempt(route, response, started, services.clock.monotonic(), None))
            await forward.answer(route, response, speech)
        except Fault as fault:
            trial.fault, ended = fault, fault.kind.value
            return fault
        else:
            trial.answered, trial.fault = True, outcome.fault
            ended = outcome.fault.kind.value if outcome.fault else None
            return None
        finally:
            if response is not None:
                response.close()
            now = services.clock.monotonic()
            trial.end(now, outcome.usage)
            if ended is not None or outcome.settled is None:  # else it is noted, and settled with that
                outcome.attempts = (*before, _attempt(route, response, started, now, ended))


def _attempt(route: Route, response: Response | None, started: float, now: float, fault: str | None) -> Attempt:
    status = 0 if response is None else response.status
    return Attempt(route.channel, route.channel_id, route.key_id, status, (now - started) * 1000, fault)
