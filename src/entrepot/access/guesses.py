"""A leaky bucket of wrong keys per client: 60 at once, then one a second.

A look-up that runs takes a place in the bucket until its outcome is known, so that guesses sent
all at once cost no more look-ups than guesses sent one by one. Who finds no place waits for an
outcome: after a restart many right keys may come at once from behind one proxy.
"""

import asyncio
from collections import deque

from entrepot.access.networks import subscriber
from entrepot.kit.clock import Clock

BURST = 60.0
PER_SECOND = 1.0
ADDRESSES = 50_000


class Running:
    """A client's look-ups that run, and who waits for a place."""

    __slots__ = ("count", "waiting")

    def __init__(self) -> None:
        self.count = 0
        self.waiting: deque[asyncio.Future[None]] = deque()

    def wake(self, number: int) -> None:
        """Let the first `number` who wait look again."""
        while number and self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                number -= 1


class Guesses:
    """Counts unknown keys by client (an IPv4 address, or an IPv6 network of 64 bits), bounded in memory."""

    __slots__ = ("_clock", "_level", "_running")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._level: dict[str, tuple[float, float]] = {}
        self._running: dict[str, Running] = {}

    def blocked(self, address: str) -> bool:
        """Has this client no guess left?"""
        return bool(self._level) and self._now(subscriber(address)) > BURST - 1

    def wait(self, address: str) -> float:
        """Seconds until the next guess is allowed."""
        return max((self._now(subscriber(address)) - BURST + 1) / PER_SECOND, 1.0)

    def count(self, address: str) -> None:
        """One more wrong key. The level ends at BURST: a flood makes nobody wait longer than that takes to leak."""
        client = subscriber(address)
        level = min(self._now(client) + 1, BURST)
        self._level.pop(client, None)
        if len(self._level) >= ADDRESSES:
            del self._level[next(iter(self._level))]
        self._level[client] = (level, self._clock.monotonic())

    async def begin(self, address: str) -> bool:
        """Take a place for a look-up, waiting while look-ups that run hold the last ones; False where no guess is left."""
        client = subscriber(address)
        while True:
            level = self._now(client)
            if level > BURST - 1:
                return False
            running = self._running.get(client)
            if running is None:
                running = self._running[client] = Running()
            if level + running.count <= BURST - 1:
                running.count += 1
                return True
            await _turn(running)

    def end(self, address: str, *, wrong: bool) -> None:
        """The look-up is over: the place is free again, or was a guess."""
        client = subscriber(address)
        running = self._running[client]
        running.count -= 1
        if wrong:
            self.count(address)
        running.wake(len(running.waiting) if not running.count or self._now(client) > BURST - 1 else 1)
        if not running.count:
            del self._running[client]

    def _now(self, client: str) -> float:
        level, at = self._level.get(client, (0.0, 0.0))
        return max(level - (self._clock.monotonic() - at) * PER_SECOND, 0.0)


async def _turn(running: Running) -> None:
    """Wait until a look-up of this client has ended."""
    future = asyncio.get_running_loop().create_future()
    running.waiting.append(future)
    try:
        await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():
            running.wake(1)  # who was woken and cannot go lets the next one
        raise
