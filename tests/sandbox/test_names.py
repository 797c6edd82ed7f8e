"""Model names and their suffixes."""

import pytest

from entrepot.sandbox.names import MAX_TOKENS, Name, read


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("sandbox/echo", Name("sandbox/echo", "echo")),
        ("echo", Name("echo", "echo")),
        ("sandbox/story:2000@50", Name("sandbox/story:2000@50", "story", 2000, 50.0)),
        ("story@0.5", Name("story@0.5", "story", None, 0.5)),
        ("story:5!cut=1!once", Name("story:5!cut=1!once", "story", 5, None, "cut=1!once")),
        ("story:999999999", Name("story:999999999", "story", MAX_TOKENS)),
    ],
)
def test_a_name_is_read(asked: str, expected: Name) -> None:
    assert read(asked) == expected


@pytest.mark.parametrize("asked", ["gpt-4o", "", "sandbox/", "echo ", "story:", "story:x", "story:1@", "sandbox/sandbox/echo"])
def test_what_is_no_model(asked: str) -> None:
    assert read(asked) is None
