"""Only `*` is special, the whole name counts, the most specific pattern wins."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit.patterns import best, matches, matches_any, specificity

_LETTERS = st.text("ab*?[.", max_size=8)


@given(_LETTERS, st.text("ab?[.", max_size=10))
def test_agrees_with_a_regular_expression(pattern: str, name: str) -> None:
    expression = ".*".join(re.escape(part) for part in pattern.split("*"))
    assert matches(pattern, name) == (re.fullmatch(expression, name, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o*", "gpt-4o", True),
        ("gpt-4-gizmo-*", "gpt-4-gizmo-g-abc", True),
        ("*", "", True),
        ("*", "a\nb", True),
        ("a*a", "a", False),
        ("GPT*", "gpt-4o", False),
        ("model[1]", "model1", False),
    ],
)
def test_matches(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_many_stars_and_a_long_name_cost_no_time() -> None:
    started = time.perf_counter()
    assert not matches("*a" * 12 + "*b", "a" * 1_000_000)
    assert time.perf_counter() - started < 1.0


def test_matches_any() -> None:
    assert matches_any(["x", "gpt-*"], "gpt-5")
    assert not matches_any([], "gpt-5")


def test_the_most_specific_pattern_wins() -> None:
    patterns = ["*", "gpt-*", "gpt-4o*", "gpt-4o"]
    assert best(patterns, "gpt-4o") == "gpt-4o"
    assert best(patterns, "gpt-4o-mini") == "gpt-4o*"
    assert best(patterns, "gpt-5") == "gpt-*"
    assert best(patterns, "claude") == "*"
    assert best(patterns[1:], "claude") is None


def test_an_exact_name_is_above_any_wildcard() -> None:
    assert specificity("a") > specificity("a-long-wildcard-*")
