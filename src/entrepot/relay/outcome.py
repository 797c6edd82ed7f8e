"""The one mutable thing of a call: what came of it so far. Becomes a frozen Record at the end."""

from entrepot.access.limits import Entered
from entrepot.billing.hold import Hold
from entrepot.core.call import Call, Caller, Peek
from entrepot.core.dialect import Tap
from entrepot.core.faults import Blame, Charge, Fault, Kind
from entrepot.core.http import Headers
from entrepot.core.money import PPM
from entrepot.core.record import Attempt, Record
from entrepot.core.route import Route
from entrepot.core.usage import NOTHING, Usage
from entrepot.relay.exchange import Exchange
from entrepot.routing.trial import Trial

_UNREAD = Peek(model="", stream=False, members={})


class Outcome:
    """Filled in by the pipeline as the call proceeds."""

    __slots__ = (
        "attempts",
        "caller",
        "charge",
        "dropped",
        "entered",
        "fault",
        "first_content",
        "hold",
        "limit_headers",
        "peek",
        "route",
        "settled",
        "status",
        "tap",
        "trial",
        "usage",
        "waived",
    )

    def __init__(self) -> None:
        self.caller: Caller | None = None
        self.peek = _UNREAD
        self.route: Route | None = None
        self.attempts: tuple[Attempt, ...] = ()
        self.status = 0
        self.fault: Fault | None = None
        self.dropped: tuple[str, ...] = ()
        """Fields that the vendor did not get: the dialect's own, and those that this vendor refuses."""
        self.usage: Usage = NOTHING
        self.entered: Entered | None = None
        """Its place among the rate limits, given back when the call has ended."""
        self.limit_headers: Headers = ()
        self.hold: Hold | None = None
        self.tap: Tap | None = None
        """Reads along while an answer passes."""
        self.trial: Trial | None = None
        """What the attempt that runs tells of its channel."""
        self.charge = 0
        """nano-USD."""
        self.waived = 0
        """nano-USD that a policy does not charge."""
        self.settled: Record | None = None
        """What the journal has of the call."""
        self.first_content: float | None = None
        """Monotonic time in seconds."""

    def serves_elsewhere(self, route: Route) -> bool:
        """Is the route of another group than the one whose limits the call has entered?"""
        group = self.entered.group if self.entered is not None else None
        return group is not None and group != route.group

    def began(self, now: float) -> None:
        """The first content has come; `now` is monotonic."""
        self.first_content = now
        if self.trial is not None:
            self.trial.content(now)

    def record(self, call: Call, exchange: Exchange, now: float) -> Record:
        """The finished call; `now` is monotonic."""
        caller, peek, route, fault = self.caller, self.peek, self.route, self.fault
        first = self.first_content
        return Record(
            id=call.id,
            operation=call.operation,
            dialect=call.dialect,
            arrived=call.arrived,
            status=self._status(exchange),
            outcome=_outcome(fault, started=exchange.started and (first is not None or self.usage is not NOTHING)),
            fault=fault.kind.value if fault else None,
            model=peek.model,
            stream=peek.stream,
            address=call.address,
            client_id=call.client_id,
            user_id=caller.user_id if caller else None,
            key_id=caller.key_id if caller else None,
            key_name=caller.key_name if caller else None,
            group=route.group if route else None,
            channel_id=route.channel_id if route else None,
            channel=route.channel if route else None,
            provider=route.provider if route else None,
            upstream_model=route.model if route else None,
            attempts=self.attempts,
            usage=self.usage,
            ttft_ms=(first - call.started) * 1000 if first is not None else None,
            total_ms=(now - call.started) * 1000,
            bytes_in=peek.size,
            bytes_out=exchange.bytes_out,
            dropped=self.dropped,
            charge=self.charge,
            disconnect=route.disconnect if route else "",
            waived=self.waived,
        )

    def settle(self, call: Call, exchange: Exchange, now: float) -> int | None:
        """Charge what is due, once. Gives the journal's position.

        Synchronous, so that no exit can skip it. None where there is nothing to settle (any more).
        """
        hold, route = self.hold, self.route
        if hold is None or not hold.open:
            return None
        ratio = route.ratio_ppm if route else PPM
        if self._due(hold, exchange):
            self.charge = hold.price(self.usage, ratio)
            if route is not None and self._free(route, exchange):
                self.charge, self.waived = 0, self.charge
        self.settled = self.record(call, exchange, now)
        return hold.settle(self.settled, ratio)

    def final(self, call: Call, exchange: Exchange, now: float) -> Record:
        """What the observers are told: what was settled, unless something has happened since."""
        known, fault = self.settled, self.fault.kind.value if self.fault else None
        if known is not None and known.bytes_out == exchange.bytes_out and known.fault == fault and known.status == self.status:
            return known
        return self.record(call, exchange, now)

    @property
    def free_interrupted(self) -> bool:
        """The group that serves does not charge for answers that break off."""
        return self.route is not None and self.route.free_interrupted

    def _due(self, hold: Hold, exchange: Exchange) -> bool:
        """Is anything to be paid for? For the prompt alone, where the client did not wait for more and was told of no error."""
        if self.fault is None:
            return self.usage is not NOTHING
        due, tap = self.fault.row.charge, self.tap
        told_nothing = exchange.started or exchange.gone
        if self.usage is NOTHING and due is Charge.BEGUN and told_nothing and tap is not None and tap.usage is not NOTHING:
            # The vendor has read the prompt: the head of its answer was there. (Moderations have no usage at all.)
            self.usage = hold.counted(Usage(), tap.usage)
        return self.usage is not NOTHING and due is not Charge.NOTHING

    def _free(self, route: Route, exchange: Exchange) -> bool:
        """Does a policy of the group or model that served make the call free?"""
        fault, tap = self.fault, self.tap
        if route.disconnect == "free-if-empty" and (tap is None or tap.empty or not (fault is None or exchange.started)):
            return True
        return route.free_interrupted and fault is not None and fault.row.blame is not Blame.CLIENT

    def _status(self, exchange: Exchange) -> int:
        left = self.fault is not None and self.fault.kind in (Kind.CLIENT_LEFT, Kind.CLIENT_STALLED)
        return 499 if left and not exchange.started else self.status


def _outcome(fault: Fault | None, *, started: bool) -> str:
    if fault is None:
        return "ok"
    if fault.kind in (Kind.CLIENT_LEFT, Kind.CLIENT_STALLED):
        return "client_left"
    return "interrupted" if started else "refused"
