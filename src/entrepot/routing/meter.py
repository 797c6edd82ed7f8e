"""What goes to one channel from this worker, against what the vendor allows: calls at once, calls and tokens a minute.

Each worker keeps to its share of a limit. An exact count over all workers would cost a round through the database for
calls of small limits; the vendor counts anyway, and its 429 is a rest like any other.
"""

from typing import Final

from entrepot.core.call import RateLimits

MINUTE: Final = 60.0


class Meter:
    """A sliding minute, from this whole one and what is left of the one before."""

    __slots__ = ("_began", "_calls", "_calls_before", "_tokens", "_tokens_before")

    def __init__(self, now: float) -> None:
        self._began = now
        self._calls = self._calls_before = 0
        self._tokens = self._tokens_before = 0

    def call(self, now: float) -> None:
        """An attempt begins."""
        self._turn(now)
        self._calls += 1

    def used(self, now: float, tokens: int) -> None:
        """An attempt took so many tokens, prompt and output."""
        self._turn(now)
        self._tokens += tokens

    def wait(self, limits: RateLimits, running: int, workers: int, now: float) -> float:
        """Seconds until the next call may go; 0 where it may now. What calls that run will take is not known before."""
        self._turn(now)
        left = 1.0 - (now - self._began) / MINUTE
        waits = 0.0
        if limits.concurrency is not None and running >= max(limits.concurrency // workers, 1):
            waits = _A_MOMENT
        for limit, used, before in (
            (limits.rpm, self._calls, self._calls_before),
            (limits.tpm, self._tokens, self._tokens_before),
        ):
            if limit is not None:
                waits = max(waits, _until(max(limit / workers, 1.0), used, before, left))
        return waits

    def _turn(self, now: float) -> None:
        past = now - self._began
        if past < MINUTE:
            return
        old = past >= 2 * MINUTE
        self._calls_before, self._calls = (0 if old else self._calls), 0
        self._tokens_before, self._tokens = (0 if old else self._tokens), 0
        self._began = now if old else self._began + MINUTE


_A_MOMENT: Final = 0.05
"""Seconds after which to look again: nobody knows when a call ends."""


def _until(limit: float, used: int, before: int, left: float) -> float:
    """Seconds until `used` and what is left of `before` are below the limit; `left` of this minute is to come, 0 to 1."""
    over = used + before * left - limit
    if over < 0:
        return 0.0
    if used < limit and before:
        return max((left - (limit - used) / before) * MINUTE, _A_MOMENT)
    return max(left * MINUTE, _A_MOMENT)
