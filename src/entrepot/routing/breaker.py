"""A circuit breaker: closed, open (it rests until a time), half open (one call probes). No clock of its own."""

from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half_open"]

LONGEST = 60.0
"""Seconds of the longest rest that we choose ourselves."""
JITTER = 0.2
"""Rests differ by so much of themselves: workers must not probe in step."""


class Breaker:
    """For a channel, or for one of its keys. Times are monotonic seconds."""

    __slots__ = ("_first", "_probe", "_rest", "_rounds", "opened", "reason", "strikes", "until")

    def __init__(self, first: float) -> None:
        """`first`: seconds of the first rest; each that follows a failed probe is twice as long."""
        self._first = first
        self._rounds = 0
        self._rest = 0.0
        self._probe: object | None = None
        self.strikes = 0
        """Failures in a row."""
        self.until = 0.0
        """End of the rest; 0 while closed."""
        self.opened = 0.0
        """When it opened last: what began before cannot tell us more."""
        self.reason = ""

    def state(self, now: float) -> State:
        """For people."""
        if not self.until:
            return "closed"
        return "open" if now < self.until else "half_open"

    def rests(self, now: float) -> bool:
        """Should calls go elsewhere?"""
        return self.until > 0 and (self._probe is not None or now < self.until)

    def ends(self) -> float:
        """When it may be worth a try; while a probe is under way, when that could have failed and rested."""
        return self.until if self._probe is None else self.until + self._rest

    def begin(self, now: float, attempt: object) -> None:
        """An attempt begins, and is the probe where one is due. It must `release`, whatever comes of it."""
        if self.until and self._probe is None and now >= self.until:
            self._probe = attempt

    def probed_by(self, attempt: object) -> bool:
        """Is this the probe?"""
        return self._probe is attempt

    def release(self, attempt: object) -> None:
        """The attempt is over. Where it was the probe and found nothing out, the next call is one."""
        if self._probe is attempt:
            self._probe = None

    def close(self) -> None:
        """All is well."""
        self._rounds = self.strikes = 0
        self.until = self._rest = 0.0
        self._probe = None
        self.reason = ""

    def fail(self, now: float, reason: str, *, again: bool, least: float = 0.0, dice: float = 0.5) -> None:
        """Open, or rest on; `again`: a probe failed. `least`: seconds below which a rest makes no sense. `dice`: in [0, 1)."""
        if again:
            self._rounds += 1
        wanted = min(self._first * 2.0 ** min(self._rounds, 16), LONGEST)
        self.rest(now, max(wanted, min(least, LONGEST)) * (1 - JITTER + 2 * JITTER * dice), reason)

    def rest(self, now: float, seconds: float, reason: str) -> None:
        """Open for exactly so long."""
        if not self.until:
            self.opened = now
        self._rest = seconds
        self.until = now + seconds
        self._probe = None
        self.reason = reason
