"""Counting without a tokenizer. The reference numbers are o200k_base's, from OpenAI's tokenizer page."""

import pytest

from entrepot.core.counting import Tally, count_json


def count_text(text: str) -> int:
    tally = Tally()
    tally.add(text)
    return tally.tokens


def test_nothing_is_nothing_and_something_is_something() -> None:
    assert count_text("") == 0
    assert count_text("a") == 1
    assert count_text("中") == 1


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("It was the best of times, it was the worst of times, it was the age of wisdom.", 21),
        ("人工智能正在改变我们的生活和工作方式。", 13),
    ],
)
def test_near_a_real_tokenizer(text: str, tokens: int) -> None:
    assert tokens * 0.6 <= count_text(text) <= tokens * 1.4


def test_pieces_count_like_the_whole() -> None:
    text = "Hello, 世界! " * 50
    tally = Tally()
    for letter in text:
        tally.add(letter)
    assert tally.tokens == count_text(text)


def test_half_a_surrogate_pair_does_not_break_it() -> None:
    assert count_text("\ud83d" * 4) > 0


def test_wide_text_weighs_more() -> None:
    assert count_text("漢字" * 100) > 2 * count_text("ab" * 100)


def test_json_counts_text_but_not_pictures() -> None:
    text = b'[{"role":"user","content":"' + b"word " * 400 + b'"}]'
    assert 400 <= count_json(text) <= 700
    picture = b'[{"type":"image_url","image_url":{"url":"data:image/png;base64,' + b"iVBORw0K" * 10_000 + b'"}}]'
    assert count_json(picture) < 50


def test_escaped_characters_count_as_one() -> None:
    assert count_json(b'"\\u4e2d\\u6587"') == pytest.approx(count_json('"中文"'.encode()), abs=1)
