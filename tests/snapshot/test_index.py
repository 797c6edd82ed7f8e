"""What serves a name, by exact name and by wildcard."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit import patterns
from entrepot.snapshot.index import Index


def index(*entries: tuple[str, list[str], str]) -> Index[str]:
    made: Index[str] = Index()
    for group, names, item in entries:
        made.add(group, names, item)
    return made


def test_exact_prefix_and_other_wildcards() -> None:
    made = index(
        ("g", ["gpt-4o"], "a"), ("g", ["gpt-4*"], "b"), ("g", ["*"], "c"), ("g", ["*-mini"], "d"), ("h", ["gpt-4o"], "e")
    )
    assert made.find("g", "gpt-4o") == ["a", "b", "c"]
    assert made.find("g", "gpt-4o-mini") == ["b", "c", "d"]
    assert made.find("g", "gpt-4") == ["b", "c"]
    assert made.find("g", "x") == ["c"]
    assert made.find("h", "gpt-4o") == ["e"]
    assert made.find("h", "gpt-4") == []
    assert made.find("none", "gpt-4o") == []
    assert set(made.groups) == {"g", "h"}


def test_each_once_in_the_order_they_came() -> None:
    made = index(("g", ["*", "gpt*", "gpt-4o", "g*o"], "first"), ("g", ["gpt-4o"], "second"))
    assert made.find("g", "gpt-4o") == ["first", "second"]


def test_exact_names() -> None:
    made = index(("g", ["b", "a*", "a"], "x"))
    assert sorted(made.exact_names("g")) == ["a", "b"]
    assert list(made.exact_names("none")) == []


letters = st.text(alphabet="ab*", max_size=5)


@given(st.lists(st.lists(letters, max_size=4), max_size=6), st.text(alphabet="ab", max_size=6))
def test_the_same_as_trying_every_pattern(channels: list[list[str]], name: str) -> None:
    made: Index[tuple[int]] = Index()
    items = [(number,) for number in range(len(channels))]
    for item, names in zip(items, channels, strict=True):
        made.add("g", names, item)
    expected = [item for item, names in zip(items, channels, strict=True) if patterns.matches_any(names, name)]
    assert made.find("g", name) == expected
