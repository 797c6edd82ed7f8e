"""What clients are told of their limits."""

import pytest

from entrepot.access.limits_allowance import Allowance
from entrepot.access.standing import Left, duration, left

NOW, WALL = 1000.0, 1_800_000_000.0


def test_of_each_kind_the_limit_with_the_least_left() -> None:
    wide, tight = Allowance("user:1:requests", "requests", 60, NOW), Allowance("key:1:requests", "requests", 5, NOW)
    tokens, at_once = Allowance("key:1:tokens", "tokens", 1000, NOW), Allowance("key:1:concurrency", "concurrency", 1, NOW)
    found = left([wide, at_once, tokens, tight], NOW, WALL)
    assert [(one.kind, one.limit, one.remaining) for one in found] == [("requests", 5, 5), ("tokens", 1000, 1000)]
    assert left([at_once], NOW, WALL) == ()


@pytest.mark.parametrize(
    ("seconds", "within", "at"),
    [(0.0, "0ms", "2027-01-15T08:00:00Z"), (59.2, "59.2s", "2027-01-15T08:01:00Z"), (3600.0, "1h0m0s", "2027-01-15T09:00:00Z")],
)
def test_when_it_resets(seconds: float, within: str, at: str) -> None:
    standing = Left("requests", 5, 2, seconds, WALL)
    assert (standing.resets_in(), standing.resets_at()) == (within, at)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0ms"), (0, "0ms"), (0.002, "2ms"), (0.9996, "1s"), (1, "1s"), (8.64, "8.64s"), (59.9999, "1m0s"),
        (360, "6m0s"), (61.5, "1m1.5s"), (3600, "1h0m0s"), (3725.25, "1h2m5.25s"),
    ],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
