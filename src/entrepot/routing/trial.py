"""One attempt on one key of one channel: what it tells about them, by the table of faults."""

from typing import Final, Protocol

import msgspec

from entrepot.core.faults import Cool, Fault
from entrepot.core.usage import NOTHING, Usage
from entrepot.routing.breaker import Breaker
from entrepot.routing.health import SHARE, ChannelHealth, Counts, KeyHealth, KeyStatus

STRIKES: Final = 3
"""Failures in a row that open a channel."""
BREAKS: Final = 6
"""Answers in a row that broke off after their first content, likewise."""
SLOW: Final = 5.0
"""Seconds: a failure that kept its caller waiting so long opens a channel alone."""
LONGEST_WAIT: Final = 600.0
"""Seconds of a vendor's Retry-After that are believed."""
SHORT: Final = 2.0
"""Seconds of a rest that is over before other workers would know."""
BROKEN: Final = (300.0, 1800.0, 7200.0)
"""Seconds until a refused key is tried again: the first time, the second, from then on."""
STREAMED: Final = 0.05
"""Seconds from first content to end below which an answer says nothing about speed."""


class Verdict(msgspec.Struct, frozen=True):
    """What other workers should know of a key."""

    channel_id: int
    key_id: int
    status: KeyStatus
    reason: str = ""
    seconds: float = 0.0
    """From now on."""
    tries: int = 0
    """How often in a row it was found broken."""


class Keeper(Protocol):
    """Who keeps what trials find out (board.py)."""

    def trouble(self, channel: ChannelHealth) -> None:
        """Something is to be said against the channel."""
        ...

    def tell(self, verdict: Verdict) -> None:
        """The other workers should know."""
        ...

    def dice(self) -> float:
        """Random, in [0, 1)."""
        ...


class Trial:
    """One attempt. Its owner sets `answered` or `fault`, and always calls `end`."""

    __slots__ = ("_began", "_first", "_keeper", "_key", "answered", "fault")

    def __init__(self, key: KeyHealth, keeper: Keeper, now: float) -> None:
        self._key = key
        self._keeper = keeper
        self._began = now
        self._first = 0.0
        self.fault: Fault | None = None
        """Why it failed, or how an answer ended that had begun."""
        self.answered = False
        """An answer was passed on to its end, whatever that was."""
        key.channel.running += 1
        if key.channel.meter is not None:
            key.channel.meter.call(now)
        if key.breaker.until or key.channel.breaker.until:
            key.breaker.begin(now, self)
            key.channel.breaker.begin(now, self)

    def content(self, now: float) -> None:
        """The first content has come: whatever else happens, the vendor works."""
        key, breaker = self._key, self._key.channel.breaker
        self._first = now
        key.figures.first(now - self._began)
        breaker.strikes = key.breaker.strikes = 0
        if breaker.until and not self._late(breaker):
            breaker.close()
        if key.breaker.until and not self._late(key.breaker):
            self._mended()

    def end(self, now: float, usage: Usage = NOTHING) -> None:
        """The attempt is over, whichever way."""
        key, fault = self._key, self.fault
        if key.channel.meter is not None:
            key.channel.meter.used(now, usage.prompt_total + usage.output_total)
        key.used = now
        key.channel.running -= 1
        counts = key.figures.current(now)
        if fault is not None and fault.row.cool is not Cool.NOTHING:
            self._went_wrong(now, counts, fault)
        elif self._first or self.answered:
            self._went_well(now, counts, usage)
        if key.breaker.until or key.channel.breaker.until:
            key.breaker.release(self)
            key.channel.breaker.release(self)

    def _went_well(self, now: float, counts: Counts, usage: Usage) -> None:
        counts.ok += 1
        seconds = now - self._first
        if seconds > STREAMED and self._first:
            counts.tokens += usage.output_total
            counts.seconds += seconds
        self._key.channel.went_well(now)

    def _went_wrong(self, now: float, counts: Counts, fault: Fault) -> None:
        key = self._key
        if self._first:
            counts.broke += 1
            self._broke(now, fault)
        else:
            counts.failed += 1
            if fault.row.cool is Cool.CHANNEL:
                self._channel_failed(now, fault)
            elif not self._late(key.breaker):
                (self._refused if fault.row.cool is Cool.BREAKS_KEY else self._limited)(now, fault)
        self._keeper.trouble(key.channel)

    def _broke(self, now: float, fault: Fault) -> None:
        channel = self._key.channel
        channel.failed(now, SHARE / 2)
        channel.breaks += 1
        if channel.breaks >= BREAKS:
            channel.breaks = 0
            channel.breaker.fail(now, fault.kind.value, again=False, dice=self._keeper.dice())

    def _channel_failed(self, now: float, fault: Fault) -> None:
        channel, breaker = self._key.channel, self._key.channel.breaker
        channel.failed(now, SHARE)
        if self._late(breaker):
            return
        breaker.strikes += 1
        took = now - self._began
        if fault.retry_after is not None:
            breaker.rest(now, min(fault.retry_after, LONGEST_WAIT), fault.kind.value)
        elif breaker.until or breaker.strikes >= STRIKES or took >= SLOW:
            again, dice = breaker.probed_by(self), self._keeper.dice()
            breaker.fail(now, fault.kind.value, again=again, least=took, dice=dice)

    def _limited(self, now: float, fault: Fault) -> None:
        breaker = self._key.breaker
        if fault.retry_after is None:
            breaker.fail(now, fault.kind.value, again=breaker.probed_by(self), dice=self._keeper.dice())
            return
        seconds = min(fault.retry_after, LONGEST_WAIT)
        if now + seconds > breaker.until:
            known = self._key.shared == "cooled" and now + seconds < breaker.until + SHORT
            breaker.rest(now, seconds, fault.kind.value)
            if seconds >= SHORT and not known:
                self._share("cooled", fault.kind.value, seconds)

    def _refused(self, now: float, fault: Fault) -> None:
        key, breaker = self._key, self._key.breaker
        breaker.strikes += 1
        if key.tries and not breaker.probed_by(self):
            return  # known: nothing better was left to try
        if not key.tries and _may_be_the_models(fault) and breaker.strikes < 2:
            return
        seconds = BROKEN[min(key.tries, len(BROKEN) - 1)]
        key.tries += 1
        breaker.rest(now, seconds * (1 + 0.1 * self._keeper.dice()), _words(fault))
        self._share("broken", breaker.reason, seconds)

    def _mended(self) -> None:
        key = self._key
        key.breaker.close()
        key.tries = 0
        if key.shared != "enabled":
            self._share("enabled", "", 0.0)

    def _share(self, status: KeyStatus, reason: str, seconds: float) -> None:
        key = self._key
        if not key.id:
            return  # no key, and no row to share it in
        key.shared = status
        self._keeper.tell(Verdict(key.channel.id, key.id, status, reason, seconds, key.tries))

    def _late(self, breaker: Breaker) -> bool:
        """It began before the breaker opened: what it tells is known."""
        return breaker.until > 0 and self._began < breaker.opened


def _may_be_the_models(fault: Fault) -> bool:
    """Vendors say 403 of a key, and also of one model or region."""
    return fault.vendor is not None and fault.vendor.status == 403


def _words(fault: Fault) -> str:
    """Why, for the operator: the vendor's own words where there are any."""
    if fault.vendor is None:
        return fault.kind.value
    said = " ".join(fault.vendor.body[:800].decode("utf-8", "replace").split())[:200]
    return f"{fault.kind.value} ({fault.vendor.status}): {said}"
