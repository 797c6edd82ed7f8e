"""A channel's limits: calls at once, a sliding minute, a worker's share."""

import pytest

from entrepot.core.call import RateLimits
from entrepot.routing.meter import Meter


def test_calls_at_once_and_a_workers_share() -> None:
    meter, limits = Meter(0.0), RateLimits(concurrency=4)
    assert meter.wait(limits, 3, 1, 0.0) == 0.0
    assert meter.wait(limits, 4, 1, 0.0) > 0.0
    assert meter.wait(limits, 2, 2, 0.0) > 0.0
    assert meter.wait(limits, 0, 9, 0.0) == 0.0, "one at least: else nothing went through"


def test_no_minute_sees_much_more_than_the_limit() -> None:
    meter, limits, now, went = Meter(0.0), RateLimits(rpm=30), 0.0, list[float]()
    while now < 600:
        if not meter.wait(limits, 0, 1, now):
            meter.call(now)
            went.append(now)
        now += 0.25
    most = max(sum(start <= at < start + 60 for at in went) for start in range(540))
    assert most <= 33
    assert 270 <= len(went) <= 303


def test_the_wait_is_long_enough_and_not_much_longer() -> None:
    meter, limits, now = Meter(0.0), RateLimits(rpm=10), 0.0
    for _ in range(10):
        meter.call(now)
    for _ in range(40):
        wait = meter.wait(limits, 0, 1, now)
        if wait:
            assert 0 < wait <= 60
            now += wait + 1e-6
        if not meter.wait(limits, 0, 1, now):
            meter.call(now)
    assert now < 60 * 5


def test_tokens_count_when_they_are_known() -> None:
    meter, limits = Meter(0.0), RateLimits(tpm=1000)
    meter.used(0.0, 5000)
    assert meter.wait(limits, 0, 1, 30.0) == pytest.approx(30.0)
    assert meter.wait(limits, 0, 1, 61.0) > 40, "a long answer weighs on the next minute too"
    assert meter.wait(limits, 0, 1, 119.0) == 0.0


def test_what_is_long_past_does_not_count() -> None:
    meter, limits = Meter(0.0), RateLimits(rpm=1)
    meter.call(0.0)
    assert meter.wait(limits, 0, 1, 500.0) == 0.0
