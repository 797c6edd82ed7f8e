"""Two kinds of time, and how they are written."""

import time

from entrepot.kit.clock import ManualClock, SystemClock, iso, utc_day


def test_the_systems_clocks() -> None:
    clock = SystemClock()
    assert abs(clock.wall() - time.time()) < 5
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_a_manual_clock_moves_only_when_told_to() -> None:
    clock = ManualClock(wall=1000.0)
    before = clock.monotonic()
    assert clock.wall() == clock.wall() == 1000.0
    clock.advance(2.5)
    assert clock.wall() == 1002.5
    assert clock.monotonic() - before == 2.5


def test_days_and_times_are_utc() -> None:
    assert utc_day(0) == "19700101"
    assert utc_day(86_399.999) == "19700101"
    assert utc_day(86_400) == "19700102"
    assert iso(1_800_000_000.9) == "2027-01-15T08:00:00Z"
