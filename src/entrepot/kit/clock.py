"""Time is passed in, never reached for: `SystemClock` in production, `ManualClock` in tests."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Two kinds of time that must not be mixed up."""

    def monotonic(self) -> float:
        """Seconds, for durations; never jumps."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 UTC, for people and records; may jump."""
        ...


class SystemClock:
    """The machine's own clocks."""

    __slots__ = ()

    # The functions themselves: a call asks ten times.
    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


class ManualClock:
    """Moves only when told to."""

    __slots__ = ("_monotonic", "_wall")

    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self._monotonic = 1000.0
        self._wall = wall

    def monotonic(self) -> float:
        return self._monotonic

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._monotonic += seconds
        self._wall += seconds


def utc_day(wall: float) -> str:
    """The UTC day of a wall time, as YYYYMMDD."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y%m%d")


def iso(wall: float) -> str:
    """A wall time as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
