"""Who serves what for whom, and what a key gets listed."""

import time

from entrepot.core.http import Origin, Timeouts
from entrepot.snapshot.model import EMPTY, Channel, Group, Model, Snapshot

ORIGIN = Origin("https", "vendor.example", 443)
GROUPS = {name: Group(number, name) for number, name in enumerate(("default", "vip"), 1)}


def channel(number: int, models: tuple[str, ...], **values: object) -> Channel:
    return Channel(id=number, name=f"c{number}", provider="openai", origin=ORIGIN, models=models, **values)  # type: ignore[arg-type]


def ids(tiers: tuple[tuple[Channel, ...], ...]) -> list[list[int]]:
    return [[found.id for found in tier] for tier in tiers]


def test_tiers_by_priority() -> None:
    snapshot = Snapshot(
        1,
        GROUPS,
        [
            channel(1, ("gpt-4o",)),
            channel(2, ("gpt-*",), priority=10),
            channel(3, ("*",), priority=-5),
            channel(4, ("gpt-4o",), priority=10),
            channel(5, ("claude",)),
            channel(6, ("gpt-4o",), groups=("vip",)),
            channel(7, (), model_map={"gpt-4o": "other"}),
        ],
    )
    assert ids(snapshot.tiers("default", "gpt-4o")) == [[2, 4], [1, 7], [3]]
    assert ids(snapshot.tiers("default", "gpt-5")) == [[2], [3]]
    assert ids(snapshot.tiers("vip", "gpt-4o")) == [[6]]
    assert snapshot.tiers("vip", "gpt-5") == ()
    assert snapshot.tiers("none", "gpt-4o") == ()
    assert snapshot.tiers("default", "gpt-4o") is snapshot.tiers("default", "gpt-4o")


def test_a_group_that_does_not_exist_serves_nothing() -> None:
    """Without a row there is no price ratio: nothing may be sold."""
    snapshot = Snapshot(1, GROUPS, [channel(1, ("a",), groups=("gone", "vip"))])
    assert snapshot.tiers("gone", "a") == ()
    assert ids(snapshot.tiers("vip", "a")) == [[1]]


def test_known_to_any_group() -> None:
    snapshot = Snapshot(1, GROUPS, [channel(1, ("gpt-*",), groups=("vip",))])
    assert snapshot.knows("gpt-4o")
    assert not snapshot.knows("claude")
    assert not EMPTY.knows("gpt-4o")


def test_listed() -> None:
    snapshot = Snapshot(
        1,
        GROUPS,
        [
            channel(1, ("b-exact", "gpt-*"), model_map={"alias": "x"}),
            channel(2, ("a-exact",)),
            channel(3, ("secret",), groups=("vip",)),
        ],
        [
            Model("gpt-4o", owner="openai", created=5),
            Model("claude"),
            Model("a-*", owner="by pattern"),
            Model("gpt-*", owner="g"),
        ],
    )
    listed = snapshot.listed(["default"])
    assert [model.name for model in listed] == ["a-exact", "alias", "b-exact", "gpt-4o"]
    assert [model.owner for model in listed] == ["by pattern", "", "", "openai"]
    assert [model.name for model in snapshot.listed(["default", "vip"])] == ["a-exact", "alias", "b-exact", "gpt-4o", "secret"]
    assert [model.name for model in snapshot.listed(["vip"])] == ["secret"]
    assert [model.name for model in snapshot.listed(["default"], ("gpt-*", "alias"))] == ["alias", "gpt-4o"]
    assert snapshot.listed([]) == []


def test_about_the_most_specific_row_wins() -> None:
    rows = [Model("*", owner="any"), Model("gpt-*", owner="family"), Model("gpt-4o", owner="exact", disconnect="drain")]
    snapshot = Snapshot(1, GROUPS, models=rows)
    for name, owner in (("gpt-4o", "exact"), ("gpt-5", "family"), ("claude", "any")):
        assert (snapshot.about(name).name, snapshot.about(name).owner) == (name, owner)
    assert EMPTY.about("x") == Model("x")


def test_a_model_changes_its_channels_timeouts() -> None:
    slow = channel(1, ("*",), timeouts=Timeouts(connect=1, first_byte=20))
    snapshot = Snapshot(1, GROUPS, [slow], [Model("o1*", timeouts={"first_byte": None, "total": 9000.0})])
    assert snapshot.timeouts(slow, "gpt-4o") == Timeouts(connect=1, first_byte=20)
    assert snapshot.timeouts(slow, "o1-pro") == Timeouts(connect=1, first_byte=None, total=9000.0)


def test_strangers_cannot_fill_the_memory() -> None:
    snapshot = Snapshot(1, GROUPS, [channel(1, ("gpt-*",))])
    for number in range(20_000):
        snapshot.tiers("default", f"gpt-{number}")
        snapshot.about(f"gpt-{number}")
    for number in range(100):
        snapshot.tiers("default", f"gpt-{number}" + "x" * 10_000)
    assert len(snapshot._memo) <= 8192
    assert len(snapshot._about) <= 8192
    assert all(len(name) < 300 for _, name in snapshot._memo)


def test_ten_thousand_channels_are_cheap() -> None:
    """Against the plain way in the same run: asking each channel for each name."""
    shapes = [(f"family-{number % 50}-*", f"exact-{number % 300}") for number in range(10_000)]
    channels = [channel(number, shape, priority=number % 3) for number, shape in enumerate(shapes)]
    snapshot = Snapshot(1, GROUPS, channels)
    names = [f"stranger-{number}" for number in range(200)]

    started = time.perf_counter()
    for name in names:
        assert snapshot.tiers("default", name) == ()
    indexed = (time.perf_counter() - started) / len(names)

    started = time.perf_counter()
    plain = [
        found
        for found in channels
        if any(name.startswith(models[0][:-1]) or name == models[1] for name in names[:1] for models in [found.models])
    ]
    each = time.perf_counter() - started
    assert plain == []
    assert indexed < each / 20

    assert sum(map(len, snapshot.tiers("default", "exact-7"))) == len([1 for shape in shapes if shape[1] == "exact-7"])
    started = time.perf_counter()
    for _ in range(1000):
        snapshot.tiers("default", "exact-7")
    assert (time.perf_counter() - started) / 1000 < each / 100
