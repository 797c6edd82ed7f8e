"""The arithmetic of limits, against simple models."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from entrepot.access.limits_window import (
    GRANTED,
    SECONDS,
    Window,
    divisor,
    frees_at,
    granted,
    share_of,
    slice_of,
)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=60), st.integers(1, 40))
def test_a_window_counts_what_a_list_would(steps: list[tuple[int, int]], limit: int) -> None:
    window, uses, slot = Window(), list[tuple[int, int]](), 1000
    for ahead, amount in steps:
        slot += ahead
        window.add(slot, amount)
        uses.append((slot, amount))
        assert window.total(slot) == sum(n for at, n in uses if at >= slot - SECONDS)
    at = window.frees_at(limit)
    assert at is not None
    assert sum(n for used, n in uses if used >= max(at, slot) - SECONDS) < limit
    if at > slot:  # and not a second earlier
        assert sum(n for used, n in uses if used >= at - 1 - SECONDS) >= limit


@given(st.lists(st.floats(0, 3, allow_nan=False), max_size=300), st.integers(1, 10))
def test_never_more_than_the_limit_in_any_minute(gaps: list[float], limit: int) -> None:
    window, now, admitted = Window(), 1000.0, list[float]()
    for gap in gaps:
        now += gap
        if window.total(int(now)) < limit:
            window.add(int(now), 1)
            admitted.append(now)
    for later, at in enumerate(admitted):
        assert later < limit or at - admitted[later - limit] > SECONDS


def test_a_clock_that_steps_back_loses_nothing() -> None:
    window = Window()
    window.add(100, 1)
    window.add(40, 2)
    assert window.total(100) == 3
    assert window.total(161) == 0


def test_when_there_is_room_again() -> None:
    assert frees_at([(10, 3), (12, 3)], 7) == 0
    assert frees_at([(10, 3), (12, 3)], 6) == 71
    assert frees_at([(10, 3), (12, 3)], 3) == 73
    assert frees_at([(10, 3)], 0) is None


amounts = st.integers(-1000, 1000)


@given(amounts, st.integers(0, 500), st.integers(0, 50), st.integers(0, 200), st.integers(0, 50), st.integers(1, 16))
def test_the_grant_in_sql_is_the_grant_in_python(free: int, keep: int, wanted: int, ahead: int, floor: int, share: int) -> None:
    least, most = keep + wanted, keep + max(wanted, ahead)
    names = {"free": free, "keep": keep, "least": least, "most": most, "floor": floor, "share": share}
    expression = GRANTED.format(greatest="max", least_of="min", **{name: f":{name}" for name in names})
    with sqlite3.connect(":memory:") as connection:
        (found,) = connection.execute(f"SELECT {expression}", names).fetchone()
    connection.close()
    assert found == granted(free, keep, least, most, floor=floor, share=share)
    assert found <= max(free, floor)
    assert found >= min(least, free)
    assert found <= max(most, least, floor)


@given(st.integers(0, 10_000), st.integers(0, 64))
def test_slices_and_shares_are_never_more_than_the_limit(limit: int, live: int) -> None:
    assert 0 <= slice_of(limit, live) <= share_of(limit, live) <= limit
    assert bool(slice_of(limit, live)) is bool(limit)
    if limit >= 10 * live:
        assert slice_of(limit, live) * live * 10 <= max(limit, 10)
    assert divisor(live) >= 1
