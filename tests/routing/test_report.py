"""What a worker says of its channels, and what several say together."""

import pytest

from entrepot.core.faults import Kind
from entrepot.routing.health import WINDOW
from entrepot.routing.report import Figures, report, together
from tests.routing.boards import BoardUnderTest


def test_figures_of_real_traffic() -> None:
    made = BoardUnderTest()
    for first in (0.1, 0.2, 0.9):
        made.answers(first=first)
    made.fails()
    (channel,) = report(made.board, made.clock)
    figures = channel.keys[0].figures
    assert (figures.ok, figures.failed, figures.broke, figures.success_rate) == (3, 1, 0, 0.75)
    assert figures.first_p50 == pytest.approx(0.2)
    assert figures.tokens_per_second == pytest.approx(50.0)
    assert (channel.rest.state, channel.factor) == ("closed", 0.9)
    made.clock.advance(WINDOW * 3)
    assert report(made.board, made.clock)[0].keys[0].figures.attempts == 0, "long past"


def test_rests_end_at_a_time_that_people_can_read() -> None:
    made = BoardUnderTest()
    made.fails(wait=20.0)
    made.fails(channel=2, kind=Kind.VENDOR_RATE_LIMIT, wait=30.0)
    first, second = report(made.board, made.clock)
    assert (first.rest.state, first.rest.reason) == ("open", "vendor_error")
    assert first.rest.until == pytest.approx(made.clock.wall() + 20.0)
    assert (second.rest.state, second.keys[0].rest.reason) == ("closed", "vendor_rate_limit")
    made.clock.advance(21.0)
    assert report(made.board, made.clock)[0].rest.state == "half_open"


def test_together() -> None:
    assert together([]).success_rate is None
    found = together([Figures(9, 1, 0, 0.5, 100, 1.0), Figures(80, 0, 10, 0.1, 300, 3.0), Figures(0, 1, 0)])
    assert (found.ok, found.failed, found.broke, found.first_p50, found.tokens_per_second) == (89, 2, 10, 0.1, 100.0)
