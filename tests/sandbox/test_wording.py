"""Tokens: pieces join to the text, and the count is the number of pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit import json
from entrepot.sandbox.wording import Plain, Tale, Text, count, pieces, until


@given(st.text(max_size=300))
def test_pieces_join_to_the_text(text: str) -> None:
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert count(text) == len(cut)


@pytest.mark.parametrize("text", [Plain("one two three four five six"), Plain("x" * 5001), Plain(""), Tale(7), Tale(1000)])
@pytest.mark.parametrize("cap", [0, 1, 3, 500])
def test_a_text_agrees_with_itself(text: Text, cap: int) -> None:
    for said in (text, text.head(cap)):
        cut = list(said.pieces())
        assert said.count == len(cut)
        assert said.whole() == "".join(cut)
        assert [json.decode(token) for token in said.encoded()] == cut
    assert text.head(cap).count == min(cap, text.count)
    assert text.whole().startswith(text.head(cap).whole())


def test_words_are_tokens_with_their_space() -> None:
    assert list(pieces("Hello, big  world!")) == ["Hello", ",", " big", "  world", "!"]
    assert count("中转港口") == 2


def test_until_the_first_stop() -> None:
    assert until("one two three", ["three", "two"]) == "one "
    assert until("one two", ["", "none"]) == "one two"
