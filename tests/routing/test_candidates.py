"""Candidates: order of groups, tiers and weights; what is said when there are none."""

import random
from collections import Counter

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.routing.candidates import Router
from entrepot.snapshot.model import Channel, ChannelKey, Group, Snapshot


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
    return Router(Snapshot(1, {group.name: group for group in groups}, channels), random.Random(7))


def names(routes: Router, groups: tuple[str, ...] = ("default",), model: str = "gpt-4o") -> list[str]:
    return [route.channel for route in routes.candidates(groups, model)]


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
    routes = list(made.candidates(("default", "vip"), "gpt-4o"))
    assert [(route.channel, route.group, route.ratio_ppm) for route in routes] == [
        ("c2", "default", 1_000_000),
        ("c1", "vip", 500_000),
    ]


def test_the_groups_that_serve_a_model() -> None:
    made = router(channel(1), channel(2, groups=("vip",), models=("vip-only",)))
    assert list(made.serving(("vip", "default"), "gpt-4o")) == ["default"]
    assert list(made.serving(("vip", "nobody"), "vip-only")) == ["vip"]
    assert list(made.serving(("vip", "default"), "no-such")) == []


def test_a_model_map_gives_the_vendors_name() -> None:
    made = router(channel(1, model_map={"gpt-4o": "deploy-7"}))
    (mapped,) = made.candidates(("default",), "gpt-4o")
    (plain,) = made.candidates(("default",), "gpt-4o-mini")
    assert (mapped.model, mapped.mapped, plain.model, plain.mapped) == ("deploy-7", True, "gpt-4o-mini", False)


def test_keys_of_a_channel_share_the_calls() -> None:
    made = router(channel(1, keys=(ChannelKey(1, "a"), ChannelKey(2, "b"), ChannelKey(3, "c", "disabled"))))
    used = Counter(next(made.candidates(("default",), "gpt-4o")).secret for _ in range(200))
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
        list(made.candidates(groups, model))
    assert caught.value.kind is kind


def test_a_route_is_made_once() -> None:
    made = router(channel(1))
    assert next(made.candidates(("default",), "gpt-4o")) is next(made.candidates(("default",), "gpt-4o"))
