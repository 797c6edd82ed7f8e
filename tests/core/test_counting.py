"""Token counts without a tokenizer: about right for text, and never for pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.core.counting import Tally, count_json, count_text

_ENGLISH = "The quick brown fox jumps over the lazy dog. " * 50  # 500 tokens in o200k_base
_CHINESE = "今天天气很好，我们一起去公园散步吧。" * 50  # 18 wide characters a sentence, at 1.5 a token


@pytest.mark.parametrize(("text", "tokens"), [(_ENGLISH, 500), (_CHINESE, 600)])
def test_a_long_text_is_about_right(text: str, tokens: int) -> None:
    assert count_text(text) == pytest.approx(tokens, rel=0.2)


@given(st.lists(st.text(), max_size=10))
def test_pieces_count_as_the_whole(pieces: list[str]) -> None:
    tally = Tally()
    for piece in pieces:
        tally.add(piece)
    assert tally.tokens == count_text("".join(pieces))


@given(st.text())
def test_a_text_costs_something_and_less_than_its_bytes(text: str) -> None:
    tokens = count_text(text)
    assert (tokens == 0) == (text == "")
    assert tokens <= len(text.encode("utf-8", "surrogatepass")) + 1


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert count_text(text + more) >= count_text(text)


def test_a_picture_inside_a_body_is_no_text() -> None:
    picture = b'{"image_url":"data:image/png;base64,' + b"iVBORw0KGgo" * 10_000 + b'","text":"what is this?"}'
    assert count_json(picture) < 20


def test_escaped_and_plain_letters_count_alike() -> None:
    plain = count_json('{"a":"今天天气很好"}'.encode())
    escaped = count_json(b'{"a":"\\u4eca\\u5929\\u5929\\u6c14\\u5f88\\u597d"}')
    assert abs(plain - escaped) <= 1
