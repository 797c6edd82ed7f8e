"""The calls that are running: for the drain, for the limit, and for the gauge."""

import asyncio

from entrepot.core.faults import Fault, Kind
from entrepot.relay.exchange import Exchange


class Registry:
    """Every running call is in here, and none that has ended."""

    __slots__ = ("_calls", "_empty", "_limit", "draining")

    def __init__(self, limit: int) -> None:
        self._calls: set[Exchange] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self._limit = limit
        self.draining = False

    def __len__(self) -> int:
        return len(self._calls)

    def enter(self, exchange: Exchange) -> None:
        """Raises Fault(DRAINING) where no more calls are taken."""
        if self.draining:
            raise Fault(Kind.DRAINING, retry_after=1)
        if len(self._calls) >= self._limit:
            raise Fault(Kind.DRAINING, "This server has too many calls at once. Try again.", code="overloaded", retry_after=1)
        self._calls.add(exchange)
        self._empty.clear()

    def leave(self, exchange: Exchange) -> None:
        """The call has settled and is recorded."""
        self._calls.discard(exchange)
        if not self._calls:
            self._empty.set()

    async def drain(self, grace: float) -> None:
        """Take no more calls; let the running ones end for `grace` seconds, then end them."""
        self.draining = True
        try:
            async with asyncio.timeout(grace):
                await self._empty.wait()
        except TimeoutError:
            for exchange in list(self._calls):
                exchange.stop(Kind.DRAINING)
            await self._empty.wait()
