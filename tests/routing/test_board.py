"""State only of channels that were used; what is shared, what a new snapshot leaves, what is forgotten."""

import random

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.core.route import Route
from entrepot.kit.clock import ManualClock
from entrepot.routing.board import UNUSED, Board, Known
from entrepot.snapshot.model import Channel, ChannelKey

VENDOR = Origin("https", "vendor.example", 443)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def board(clock: ManualClock) -> Board:
    return Board(clock, random.Random(1))


def route(channel: int, key: int = 10) -> Route:
    return Route(channel, f"c{channel}", "compatible", "default", 1_000_000, "m", VENDOR, "", "", key, "sk-x")


def fail(board: Board, kind: Kind = Kind.VENDOR_ERROR, channel: int = 1, wait: float | None = None) -> None:
    trial = board.begin(route(channel))
    trial.fault = Fault(kind, retry_after=wait)
    trial.end(board.now())


def channels(*numbers: int, **facts: object) -> list[Channel]:
    base = {"provider": "compatible", "origin": VENDOR, "keys": (ChannelKey(10, "sk-x"),)}
    return [Channel(id=number, name=f"c{number}", **(base | facts)) for number in numbers]  # type: ignore[arg-type]


def ends(board: Board, channel: int = 1, key: int = 10) -> float:
    """Seconds of rest that are left."""
    health = next(health for health in board.known() if health.id == channel)
    end = health.ends(key, board.now())
    return end - board.now() if end else 0.0


def test_only_what_was_used_has_state(board: Board) -> None:
    assert board.known() == []
    board.begin(route(7)).end(board.now())
    assert [health.id for health in board.known()] == [7]


def test_the_troubled_heal_and_the_unused_are_forgotten(board: Board, clock: ManualClock) -> None:
    fail(board)
    board.begin(route(2)).end(board.now())
    assert set(board.troubled) == {1}
    clock.advance(600)
    board.sweep()
    assert board.troubled == {}
    assert len(board.known()) == 2
    clock.advance(UNUSED + 1)
    board.sweep()
    assert board.known() == []


def test_what_others_found_out_holds_here(board: Board) -> None:
    board.learn([Known(1, 10, "cooled", "vendor_rate_limit", 30.0, 0), Known(2, 20, "broken", "vendor_auth", 300.0, 1)])
    assert ends(board) == pytest.approx(30.0)
    assert ends(board, 2, 20) == pytest.approx(300.0)
    assert set(board.troubled) == {1, 2}
    board.learn([Known(2, 20, "broken", "vendor_auth", 300.0, 1)])
    assert ends(board) == 0.0, "well again"


def test_a_rest_that_is_ours_only_is_not_ended_by_others(board: Board) -> None:
    fail(board, Kind.VENDOR_RATE_LIMIT)  # no Retry-After: a second, told to nobody
    board.learn([])
    assert ends(board) > 0


def test_what_we_know_better_is_left_alone(board: Board) -> None:
    fail(board, Kind.VENDOR_AUTH)
    board.learn([], {(1, 10)})
    assert ends(board) > 299


def test_reading_our_own_verdict_again_moves_nothing(board: Board) -> None:
    fail(board, Kind.VENDOR_AUTH)
    before = ends(board)
    board.learn([Known(1, 10, "broken", "vendor_auth", 299.0, 1)])
    assert ends(board) == before


def test_a_broken_key_whose_rest_has_ended_gets_one_probe(board: Board, clock: ManualClock) -> None:
    said = [Known(1, 10, "broken", "vendor_auth", -5.0, 2)]
    board.learn(said)
    assert ends(board) == 0.0
    probe = board.begin(route(1))
    clock.advance(1.0)
    assert ends(board) != 0.0, "the probe runs"
    board.learn(said)
    assert ends(board) != 0.0, "and reading again takes it nothing away"
    probe.fault = Fault(Kind.VENDOR_AUTH)
    probe.end(board.now())
    assert ends(board) >= 7200.0


def test_the_operator_says_that_all_is_well(board: Board) -> None:
    for _ in range(3):
        fail(board)
    board.forget(1)
    assert (board.known(), board.troubled) == ([], {})


def test_a_new_snapshot_keeps_what_leads_to_the_same_place(board: Board) -> None:
    for number in (1, 2, 3, 4):
        fail(board, channel=number)
    after = [*channels(1, weight=7), *channels(2, origin=Origin("https", "other.example", 443))]
    after += channels(3, keys=(ChannelKey(10, "sk-new"),))
    board.follow(channels(1, 2, 3, 4), after)
    assert [health.id for health in board.known()] == [1]


def test_a_channel_that_is_gone_is_known_while_calls_run_there(board: Board) -> None:
    trial = board.begin(route(1))
    board.follow(channels(1), [])
    assert [health.running for health in board.known()] == [1]
    trial.end(board.now())
    assert [health.running for health in board.known()] == [0]
    board.follow([], [])
    assert board.known() == []
