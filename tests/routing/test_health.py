"""A channel's share of failures, and a key's figures."""

import pytest

from entrepot.routing.health import HALF_LIFE, LEAST_FACTOR, SAMPLES, SHARE, WINDOW, ChannelHealth, Figures, KeyHealth


def test_failures_lower_the_weight_and_answers_raise_it() -> None:
    health = ChannelHealth(1)
    assert health.factor(0.0) == 1.0
    for _ in range(5):
        health.failed(0.0, SHARE)
    low = health.factor(0.0)
    assert low == pytest.approx(0.9**5)
    for _ in range(50):
        health.went_well(0.0)
    assert health.sound


def test_however_it_fares_it_keeps_a_little() -> None:
    health = ChannelHealth(1)
    for _ in range(1000):
        health.failed(0.0, SHARE)
    assert health.factor(0.0) == LEAST_FACTOR


def test_what_is_past_fades() -> None:
    health = ChannelHealth(1)
    health.failed(0.0, 0.5)
    assert health.factor(HALF_LIFE) == pytest.approx(0.75)
    health.fade(HALF_LIFE)
    assert not health.sound
    health.fade(HALF_LIFE * 10)
    assert health.sound


def test_a_rest_of_the_channel_or_of_the_key() -> None:
    health = ChannelHealth(1)
    key = health.keys[7] = KeyHealth(7, health)
    assert health.ends(7, 0.0) == 0.0
    key.breaker.rest(0.0, 30.0, "x")
    assert (health.ends(7, 0.0), health.ends(8, 0.0), health.sound) == (30.0, 0.0, False)
    health.breaker.rest(0.0, 50.0, "x")
    assert (health.ends(7, 0.0), health.ends(8, 0.0)) == (50.0, 50.0)
    assert (health.ends(7, 60.0), health.ends(8, 60.0)) == (0.0, 0.0)


def test_figures_cover_this_window_and_the_one_before() -> None:
    figures = Figures()
    figures.current(0.0).ok += 1
    assert figures.current(WINDOW - 1).ok == 1
    assert (figures.current(WINDOW).ok, figures.before.ok) == (0, 1)
    figures.current(WINDOW).ok += 1
    assert (figures.current(WINDOW * 5).ok, figures.before.ok) == (0, 0), "long ago is no window before"


def test_the_latest_times_to_first_content() -> None:
    figures = Figures()
    for number in range(SAMPLES + 5):
        figures.first(float(number))
    assert sorted(figures.firsts) == [float(number) for number in range(5, SAMPLES + 5)]
