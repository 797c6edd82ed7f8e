"""The state machine alone: rests, probes, back-off."""

import pytest

from entrepot.routing.breaker import LONGEST, Breaker


def test_closed_until_it_fails() -> None:
    breaker = Breaker(2.0)
    assert (breaker.state(0.0), breaker.rests(0.0)) == ("closed", False)
    breaker.fail(100.0, "vendor_error", again=False)
    assert (breaker.state(100.0), breaker.rests(101.9), breaker.reason) == ("open", True, "vendor_error")
    assert (breaker.state(102.0), breaker.rests(102.0)) == ("half_open", False)


def test_one_probe_at_a_time() -> None:
    breaker, first, second = Breaker(2.0), object(), object()
    breaker.fail(100.0, "x", again=False)
    breaker.begin(101.0, first)
    assert not breaker.probed_by(first), "it still rests"
    breaker.begin(102.0, first)
    assert breaker.probed_by(first)
    assert breaker.rests(102.0), "others wait for the probe"
    breaker.begin(102.0, second)
    assert not breaker.probed_by(second)
    breaker.release(second)
    assert breaker.rests(102.0), "only the probe's own end counts"
    breaker.release(first)
    assert not breaker.rests(102.0), "a probe without a verdict: the next call is one"


def test_failed_probes_wait_longer_and_success_forgets() -> None:
    breaker, now, rests = Breaker(2.0), 100.0, []
    breaker.fail(now, "x", again=False)
    for _ in range(8):
        rests.append(breaker.until - now)
        now = breaker.until
        breaker.begin(now, rests)
        breaker.fail(now, "x", again=breaker.probed_by(rests))
    assert rests == [2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]
    breaker.close()
    assert breaker.state(now) == "closed"
    breaker.fail(now, "x", again=False)
    assert breaker.until - now == 2.0


def test_what_was_only_tried_for_want_of_better_does_not_escalate() -> None:
    breaker = Breaker(2.0)
    for _ in range(50):
        breaker.fail(100.0, "x", again=False)
    assert breaker.until == 102.0


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 1.6), (0.5, 2.0), (0.999999, 2.4)])
def test_workers_do_not_probe_in_step(dice: float, seconds: float) -> None:
    breaker = Breaker(2.0)
    breaker.fail(0.0, "x", again=False, dice=dice)
    assert breaker.until == pytest.approx(seconds, abs=1e-4)


def test_rests_at_least_as_long_as_it_kept_its_caller_waiting() -> None:
    breaker = Breaker(2.0)
    breaker.fail(0.0, "x", again=False, least=10.0)
    assert breaker.until == 10.0
    breaker.fail(0.0, "x", again=False, least=600.0)
    assert breaker.until == LONGEST


def test_while_a_probe_runs_it_ends_later_than_one_that_simply_rests() -> None:
    breaker = Breaker(2.0)
    breaker.rest(100.0, 10.0, "x")
    assert breaker.ends() == 110.0
    breaker.begin(110.0, breaker)
    assert breaker.ends() == 120.0
