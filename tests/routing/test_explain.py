"""The order in which calls try channels, as the workers' reports have it."""

import random

from entrepot.core.faults import Kind
from entrepot.kit.clock import ManualClock
from entrepot.routing.board import Board
from entrepot.routing.candidates import Plan, Router
from entrepot.routing.explain import explain
from entrepot.routing.published import Published
from entrepot.routing.report import report
from entrepot.snapshot.model import Channel, ChannelKey, Group, Snapshot
from tests.routing.boards import VENDOR, BoardUnderTest


def channel(number: int, **facts: object) -> Channel:
    base = {"id": number, "name": f"c{number}", "provider": "x", "origin": VENDOR, "models": ("m",)}
    return Channel(**(base | {"keys": (ChannelKey(10, "sk"),)} | facts))  # type: ignore[arg-type]


def plan(*channels: Channel, groups: tuple[str, ...] = ("default",)) -> Plan:
    known = {name: Group(number, name) for number, name in enumerate(("default", "vip"), 1)}
    router = Router(Snapshot(1, known, channels), random.Random(1), Board(ManualClock(), random.Random(1)))
    return router.plan(groups, "m")


def said(number: int, made: BoardUnderTest) -> Published:
    return Published(number, made.clock.wall(), tuple(report(made.board, made.clock)))


def test_without_a_server_all_are_well() -> None:
    ways = explain(plan(channel(1, weight=3), channel(2), channel(3, priority=9)), [])
    assert [(way.channel.name, way.share, way.factor) for way in ways] == [
        ("c3", 1.0, 1.0),
        ("c1", 0.75, 1.0),
        ("c2", 0.25, 1.0),
    ]


def test_health_moves_the_shares() -> None:
    made = BoardUnderTest()
    for _ in range(2):
        made.fails()
        made.answers()
    ways = explain(plan(channel(1), channel(2)), [said(0, made)])
    assert [way.channel.name for way in ways] == ["c2", "c1"]
    assert ways[0].share > 0.5 > ways[1].share
    assert ways[1].factor < 1.0


def test_what_rests_everywhere_comes_last_by_the_end_of_its_rest() -> None:
    one, other = BoardUnderTest(), BoardUnderTest()
    for made in (one, other):
        made.fails(channel=1, wait=90.0)
        made.fails(channel=3, kind=Kind.VENDOR_RATE_LIMIT, wait=30.0)
    one.fails(channel=2, wait=60.0)
    found = explain(plan(*(channel(number, priority=-number) for number in (1, 2, 3, 4))), [said(0, one), said(1, other)])
    assert [(way.channel.name, way.last_resort) for way in found] == [("c2", False), ("c4", False), ("c3", True), ("c1", True)]
    assert [view.waits for view in found[0].views] == [True, False]
    assert found[2].views[0].rest.reason == "vendor_rate_limit", "all of its keys rest"


def test_one_key_that_rests_is_not_the_channel() -> None:
    made = BoardUnderTest()
    made.fails(kind=Kind.VENDOR_AUTH)
    (way,) = explain(plan(channel(1, keys=(ChannelKey(10, "a"), ChannelKey(11, "b")))), [said(0, made)])
    assert not way.last_resort


def test_a_channel_of_two_groups_stands_once() -> None:
    ways = explain(plan(channel(1, groups=("default", "vip")), channel(2, groups=("vip",)), groups=("default", "vip")), [])
    assert [(way.channel.name, way.group.name) for way in ways] == [("c1", "default"), ("c2", "vip")]
