"""Candidates: order of groups, tiers and weights; what is said when there are none."""

import random
import zlib
from collections import Counter

import pytest

from entrepot.core.call import Affinity, RateLimits
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.core.route import Route
from entrepot.kit.clock import ManualClock
from entrepot.routing.board import Board
from entrepot.routing.candidates import KEYS_A_CALL, Router
from entrepot.snapshot.model import Channel, ChannelKey, Group, Model, Snapshot


def channel(number: int, **facts: object) -> Channel:
    base = {
        "id": number,
        "name": f"c{number}",
        "provider": "compatible",
        "origin": Origin("https", "vendor.example", 443),
        "models": ("gpt-4o*",),
        "keys": (ChannelKey(number * 10, f"sk-{number}"),),
    }
    return Channel(**(base | facts))  # type: ignore[arg-type]


def router(*channels: Channel, groups: tuple[Group, ...] = (Group(1, "default"), Group(2, "vip", 500_000))) -> Router:
    board = Board(ManualClock(), random.Random(8))
    return Router(Snapshot(1, {group.name: group for group in groups}, channels), random.Random(7), board)


def routes(
    made: Router, groups: tuple[str, ...] = ("default",), model: str = "gpt-4o", kind: Kind | None = Kind.VENDOR_ERROR
) -> list[Route]:
    """All that a call would try, each ending in a fault of this kind (None: not tried)."""
    candidates, found = made.candidates(groups, model), list[Route]()
    route = candidates.next()
    while route is not None:
        found.append(route)
        route = candidates.next(None if kind is None else Fault(kind))
    return found


def names(made: Router, groups: tuple[str, ...] = ("default",), model: str = "gpt-4o") -> list[str]:
    return [route.channel for route in routes(made, groups, model)]


def first(made: Router, model: str = "gpt-4o") -> Route:
    found = made.candidates(("default",), model).next()
    assert found is not None
    return found


def rest(made: Router, channel: int, seconds: float, key: int | None = None) -> None:
    """Have a channel, or one key of it, rest."""
    number = channel * 10 if key is None else key
    origin = Origin("https", "vendor.example", 443)
    route = Route(channel, "", "compatible", "default", 1_000_000, "m", origin, "", "", number, "")
    trial = made.board.begin(route)
    trial.fault = Fault(Kind.VENDOR_OVERLOADED if key is None else Kind.VENDOR_RATE_LIMIT, retry_after=seconds)
    trial.end(made.board.now())


def test_tiers_by_priority_each_channel_once() -> None:
    made = router(channel(1, priority=0), channel(2, priority=5), channel(3, priority=5), channel(4, priority=1))
    for _ in range(20):
        order = names(made)
        assert set(order[:2]) == {"c2", "c3"}
        assert order[2:] == ["c4", "c1"]


def test_weights_are_shares_of_first_places() -> None:
    made = router(channel(1, weight=1), channel(2, weight=3), channel(3, weight=0))
    first = Counter(names(made)[0] for _ in range(4000))
    assert 0.70 < first["c2"] / 4000 < 0.80
    assert first["c3"] == 0
    assert names(made)[-1] == "c3", "weight 0 is a last resort, not a ban"


def test_groups_in_the_keys_order_and_their_ratio() -> None:
    made = router(channel(1, groups=("vip",)), channel(2, groups=("default", "vip")))
    found = routes(made, ("default", "vip"))
    assert [(route.channel, route.group, route.ratio_ppm) for route in found] == [
        ("c2", "default", 1_000_000),
        ("c1", "vip", 500_000),
    ]


def test_a_groups_policies_are_in_its_routes() -> None:
    vip = Group(2, "vip", disconnect="free-if-empty", free_interrupted=True)
    served = [channel(1, groups=("default",)), channel(2, groups=("vip",))]
    models = [Model("gpt-4o*", disconnect="drain"), Model("gpt-4o-mini")]
    groups = {"default": Group(1, "default"), "vip": vip}
    made = Router(Snapshot(1, groups, served, models), random.Random(7), Board(ManualClock(), random.Random(8)))
    policies = {
        model: [(route.disconnect, route.free_interrupted) for route in routes(made, ("default", "vip"), model)]
        for model in ("gpt-4o", "gpt-4o-mini")
    }
    of_vip = ("free-if-empty", True)
    assert policies == {"gpt-4o": [("drain", False), of_vip], "gpt-4o-mini": [("cancel", False), of_vip]}


def test_the_groups_that_serve_a_model() -> None:
    made = router(channel(1), channel(2, groups=("vip",), models=("vip-only",)))
    assert list(made.serving(("vip", "default"), "gpt-4o")) == ["default"]
    assert list(made.serving(("vip", "nobody"), "vip-only")) == ["vip"]
    assert list(made.serving(("vip", "default"), "no-such")) == []


def test_a_model_map_gives_the_vendors_name() -> None:
    made = router(channel(1, model_map={"gpt-4o": "deploy-7"}))
    (mapped,) = routes(made)
    (plain,) = routes(made, model="gpt-4o-mini")
    assert (mapped.model, mapped.mapped, plain.model, plain.mapped) == ("deploy-7", True, "gpt-4o-mini", False)


def test_keys_of_a_channel_share_the_calls() -> None:
    made = router(channel(1, keys=(ChannelKey(1, "a"), ChannelKey(2, "b"), ChannelKey(3, "c", "disabled"))))
    used = Counter(first(made).secret for _ in range(200))
    assert set(used) == {"a", "b"}


@pytest.mark.parametrize(
    ("groups", "model", "kind"),
    [
        (("default",), "no-such", Kind.UNKNOWN_MODEL),
        (("default",), "vip-only", Kind.MODEL_NOT_ALLOWED),
        (("nobody",), "gpt-4o", Kind.MODEL_NOT_ALLOWED),
        (("default",), "keyless", Kind.NO_CHANNEL),
    ],
)
def test_none_is_refused_by_name(groups: tuple[str, ...], model: str, kind: Kind) -> None:
    made = router(
        channel(1),
        channel(2, groups=("vip",), models=("vip-only",)),
        channel(3, models=("keyless",), keys=(ChannelKey(5, "x", "disabled"),)),
    )
    with pytest.raises(Fault) as caught:
        made.candidates(groups, model)
    assert caught.value.kind is kind


def test_a_route_is_made_once() -> None:
    made = router(channel(1))
    assert first(made) is first(made)


def test_what_rests_is_passed_over_and_tried_last_once() -> None:
    made = router(channel(1, priority=9), channel(2, priority=5), channel(3, priority=1), channel(4))
    rest(made, 1, 60.0)
    rest(made, 3, 30.0)
    assert names(made) == ["c2", "c4", "c3"], "of those that rest the one whose rest ends first, and no other"


def test_all_rest_and_one_is_tried_rather_than_refused() -> None:
    made = router(channel(1), channel(2))
    rest(made, 1, 60.0)
    rest(made, 2, 30.0)
    assert names(made) == ["c2"]
    rest(made, 2, 90.0)
    assert names(made) == ["c1"], "a failure prolongs its rest, so the next call takes the other one"


def test_one_way_is_taken_whatever_its_health() -> None:
    made = router(channel(1))
    rest(made, 1, 600.0)
    assert names(made) == ["c1"]


def test_a_route_that_was_not_tried_does_not_use_up_the_last_resort() -> None:
    made = router(channel(1), channel(2))
    rest(made, 1, 60.0)
    rest(made, 2, 30.0)
    assert [route.channel for route in routes(made, kind=None)] == ["c2", "c1"]


def test_a_rest_that_has_ended_is_a_place_in_the_draw_for_one_probe() -> None:
    made = router(channel(1, priority=9), channel(2))
    rest(made, 1, 60.0)
    made.board._clock.advance(61.0)  # type: ignore[attr-defined]
    assert names(made) == ["c1", "c2"]
    probe = made.board.begin(first(made))
    assert names(made) == ["c2", "c1"], "others wait for the probe"
    probe.end(made.board.now())
    assert names(made) == ["c1", "c2"]


def test_weights_follow_health() -> None:
    made = router(channel(1), channel(2))
    origin = Origin("https", "vendor.example", 443)
    route = Route(1, "", "compatible", "default", 1_000_000, "m", origin, "", "", 10, "")
    for _ in range(20):  # every second attempt fails: it never opens, and has about half of its weight left
        for fault in (Fault(Kind.VENDOR_ERROR), None):
            trial = made.board.begin(route)
            trial.fault, trial.answered = fault, fault is None
            if fault is None:
                trial.content(made.board.now())
            trial.end(made.board.now())
    share = Counter(first(made).channel for _ in range(4000))["c1"] / 4000
    assert 0.28 < share < 0.40


def test_a_resting_key_leaves_the_channels_other_keys() -> None:
    made = router(channel(1, keys=(ChannelKey(1, "a"), ChannelKey(2, "b"))), channel(2, priority=-1))
    rest(made, 1, 60.0, key=1)
    assert {first(made).secret for _ in range(50)} == {"b"}
    rest(made, 1, 60.0, key=2)
    assert [route.channel for route in routes(made)] == ["c2", "c1"]


def test_another_key_only_where_the_fault_was_the_keys() -> None:
    keys = tuple(ChannelKey(number, f"s{number}") for number in range(1, 6))
    made = router(channel(1, keys=keys), channel(2, priority=-1))
    limited = routes(made, kind=Kind.VENDOR_RATE_LIMIT)
    assert [route.channel for route in limited] == ["c1"] * KEYS_A_CALL + ["c2"]
    assert len({route.key_id for route in limited}) == KEYS_A_CALL + 1, "no key twice"
    assert [route.channel for route in routes(made, kind=Kind.VENDOR_ERROR)] == ["c1", "c2"]


def test_ten_thousand_channels_that_were_never_used_cost_nothing() -> None:
    made = router(*(channel(number) for number in range(10_000)))
    for _ in range(3):
        first(made)
    assert made.board.known() == []


def served(made: Router, mark: int) -> Route:
    candidates = made.candidates(("default",), "gpt-4o")
    candidates.mark = mark
    found = candidates.next()
    assert found is not None
    return found


def test_calls_of_one_mark_go_one_way_until_it_rests_and_come_back() -> None:
    keys = (ChannelKey(1, "a"), ChannelKey(2, "b"))
    made = router(
        *(channel(number, keys=tuple(ChannelKey(number * 10 + key.id, key.secret) for key in keys)) for number in (1, 2, 3))
    )
    marks = [zlib.crc32(b"%d" % number) for number in range(60)]
    before = [served(made, mark) for mark in marks]
    assert [served(made, mark) for mark in marks] == before
    assert len({(route.channel_id, route.key_id) for route in before}) == 6, "over all channels and keys"
    rest(made, 1, 60.0)
    for mark, then in zip(marks, before, strict=True):
        now = served(made, mark)
        assert now.channel_id != 1
        if then.channel_id != 1:
            assert now is then, "only those of the channel that rests have moved"
    made.board._clock.advance(61.0)  # type: ignore[attr-defined]
    made.board.forget(1)
    assert [served(made, mark) for mark in marks] == before


def test_weights_hold_over_marks() -> None:
    made = router(channel(1, weight=1), channel(2, weight=3), channel(3, weight=0))
    found = Counter(served(made, zlib.crc32(b"%d" % number)).channel for number in range(4000))
    assert 0.70 < found["c2"] / 4000 < 0.80
    assert found["c3"] == 0


@pytest.mark.parametrize(
    ("group", "model", "found"),
    [(None, None, "session"), ("off", None, "off"), ("off", "key", "key"), ("prefix", None, "prefix")],
)
def test_the_model_says_else_the_group_else_it_is_by_session(
    group: Affinity | None, model: Affinity | None, found: str
) -> None:
    snapshot = Snapshot(
        1, {"default": Group(1, "default", affinity=group)}, [channel(1), channel(2)], [Model("gpt-4*", affinity=model)]
    )
    made = Router(snapshot, random.Random(7), Board(ManualClock(), random.Random(8)))
    assert made.candidates(("default",), "gpt-4o").affinity == found
    assert router(channel(1)).candidates(("default",), "gpt-4o").affinity == "off", "there is but one way"


def test_a_channel_that_is_full_is_passed_over_and_waited_for_where_all_are() -> None:
    one = RateLimits(concurrency=1)
    made = router(channel(1, limits=one, priority=9), channel(2, limits=one))
    running = [made.board.begin(first(made)), made.board.begin(first(made))]
    assert [key.channel.id for key in (trial._key for trial in running)] == [1, 2]
    candidates = made.candidates(("default",), "gpt-4o")
    assert candidates.next() is None
    assert candidates.waits > 0
    running[1].end(made.board.now())
    found = candidates.next()
    assert found is not None
    assert (found.channel, candidates.waits) == ("c2", 0.0)


def test_what_rests_is_tried_once_nobody_waits_any_more() -> None:
    made = router(channel(1, limits=RateLimits(concurrency=1)), channel(2, priority=-1))
    made.board.begin(first(made))
    rest(made, 2, 60.0)
    candidates = made.candidates(("default",), "gpt-4o")
    assert candidates.next() is None
    assert candidates.waits > 0
    candidates.hurried = True
    found = candidates.next()
    assert found is not None
    assert found.channel == "c2"
    assert candidates.next(Fault(Kind.VENDOR_ERROR)) is None
    assert (candidates.waits, candidates.full > 0) == (0.0, True)


def test_workers_share_a_channels_limits() -> None:
    made = router(channel(1, limits=RateLimits(rpm=8)), channel(2, priority=-1))
    made.board.workers = lambda: 4
    served = [first(made) for _ in range(3) if not made.board.begin(first(made)).end(made.board.now())]
    assert [route.channel for route in served] == ["c1", "c2", "c2"]
