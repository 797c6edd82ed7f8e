"""The seam of money: hold → grow → settle.

What it does today: it counts. Nothing is reserved and nobody is refused for lack of balance;
a settled hold keeps the usage that will be priced once buckets, journal and price book stand
behind this same interface. Every call already goes through it, and every exit settles.
"""

from types import TracebackType
from typing import Self

from entrepot.core.call import Caller, Peek
from entrepot.core.usage import NOTHING, Usage


class Hold:
    """What one call has reserved. Settled exactly once; leaving the block unsettled gives it back."""

    __slots__ = ("settled", "usage")

    def __init__(self) -> None:
        self.usage = NOTHING
        self.settled = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.settled:
            self.release()

    def grow(self, usage: Usage) -> bool:
        """Reserve for what has flowed so far; False means that the balance cannot pay for more."""
        self.usage = usage
        return True

    def settle(self, usage: Usage) -> None:
        """The call delivered something: keep what it used. Synchronous, so that no exit can skip it."""
        if self.settled:
            raise RuntimeError("a hold is settled once")
        self.settled = True
        self.usage = usage

    def release(self) -> None:
        """The call delivered nothing: nothing is charged."""
        self.settled = True
        self.usage = NOTHING


class Billing:
    """Makes holds."""

    __slots__ = ()

    def hold(self, caller: Caller, peek: Peek) -> Hold:
        """A hold for one call of `caller`."""
        del caller, peek  # what the estimate will be made of
        return Hold()
