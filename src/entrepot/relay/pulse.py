"""A hold that grows with time: while a vendor thinks in silence, tokens flow that nobody sees.

A timer, not a task: at each beat it reserves for what may have been thought since the last one.
Where the balance cannot pay for two beats in a row, the answer ends.
"""

import asyncio

from entrepot.billing.hold import Hold
from entrepot.core.dialect import Tap
from entrepot.core.faults import Kind
from entrepot.upstream.response import Response

SECONDS = 2.0
TOKENS_PER_SECOND = 100
"""What a model may think in silence: about the quickest of today's reasoning models."""


class Pulse:
    """Beats for one answer until stopped."""

    __slots__ = ("_hold", "_missed", "_response", "_seen", "_silent", "_tap", "_timer")

    def __init__(self, hold: Hold | None, response: Response, tap: Tap) -> None:
        self._hold = hold
        self._response = response
        self._tap = tap
        self._seen = 0
        self._silent = 0
        self._missed = 0
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self._beat) if hold is not None else None

    def stop(self) -> None:
        """The answer has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _beat(self) -> None:
        hold = self._hold
        if hold is None or not hold.open or self._response.ended:
            return
        flowed = self._tap.counted().output_total
        self._silent = self._silent + int(SECONDS * TOKENS_PER_SECOND) if flowed == self._seen else 0
        self._seen = flowed
        self._missed = 0 if hold.reserve(flowed + self._silent) else self._missed + 1
        if self._missed > 1:
            self._response.fail(Kind.BALANCE_EXHAUSTED, "the balance was used up while the vendor was silent")
            return
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self._beat)
