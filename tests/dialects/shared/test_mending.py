"""What is mended before it is read."""

from entrepot.dialects.shared.mending import mended
from entrepot.kit.json import decode


def test_mending_leaves_whole_pairs_alone() -> None:
    assert decode(mended(b'"\\ud83d\\ude00 \\ud83d \\uD83D\\uDE00"')) == "😀 \ufffd 😀"


def test_what_a_strict_parser_refuses_can_be_read() -> None:
    assert decode(mended(b'{"a":NaN,"b":[-Infinity, 1],"c":"x\ty\xff"}')) == {"a": None, "b": [None, 1], "c": "x y\ufffd"}


def test_the_same_letters_in_a_text_stay() -> None:
    assert decode(mended(b'"NaN and Infinity"')) == "NaN and Infinity"
