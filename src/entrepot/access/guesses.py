"""A leaky bucket of wrong keys per address: 60 at once, then one a second."""

from entrepot.kit.clock import Clock

BURST = 60.0
PER_SECOND = 1.0
ADDRESSES = 50_000


class Guesses:
    """Counts unknown keys by client address, bounded in memory."""

    __slots__ = ("_clock", "_level")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._level: dict[str, tuple[float, float]] = {}

    def blocked(self, address: str) -> bool:
        """Has this address no guess left?"""
        return bool(self._level) and self._now(address) > BURST - 1

    def wait(self, address: str) -> float:
        """Seconds until the next guess is allowed."""
        return max((self._now(address) - BURST + 1) / PER_SECOND, 1.0)

    def count(self, address: str) -> None:
        """One more wrong key."""
        level = self._now(address) + 1
        self._level.pop(address, None)
        if len(self._level) >= ADDRESSES:
            del self._level[next(iter(self._level))]
        self._level[address] = (level, self._clock.monotonic())

    def _now(self, address: str) -> float:
        level, at = self._level.get(address, (0.0, 0.0))
        return max(level - (self._clock.monotonic() - at) * PER_SECOND, 0.0)
