"""Money is an integer; text goes in and out without a loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.core.money import MoneyError, format_ratio, format_usd, parse_ratio, parse_usd

_NANO = st.integers(-(2**63) + 1, 2**63 - 1)


@given(_NANO)
def test_usd_round_trip(nano: int) -> None:
    assert parse_usd(format_usd(nano)) == nano


@given(st.integers(0, 2**63 - 1))
def test_ratio_round_trip(ppm: int) -> None:
    assert parse_ratio(format_ratio(ppm)) == ppm


@given(_NANO)
def test_the_text_is_the_shortest(nano: int) -> None:
    text = format_usd(nano)
    assert "e" not in text.lower()
    assert not ("." in text and text.endswith(("0", ".")))


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("-0", 0),
        ("0.15", 150_000_000),
        ("10", 10_000_000_000),
        ("-1.5", -1_500_000_000),
        ("0.000000001", 1),
        ("1.0000000000000", 1_000_000_000),
        ("2.5e-6", 2_500),
        ("9223372036.854775807", 2**63 - 1),
    ],
)
def test_parse_usd(text: str, nano: int) -> None:
    assert parse_usd(text) == nano


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "1,5",
        "$1",
        "nan",
        "snan",
        "inf",
        "-Infinity",
        "0.0000000001",
        "1.00000000000000000000000000000000001",
        "1" * 70 + ".5",
        "9223372036.854775808",
        "1e99",
        "1e999999999",
        "1e-999999999",
        "1e-99",
    ],
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(MoneyError):
        parse_usd(text)


def test_formats() -> None:
    assert format_usd(1) == "0.000000001"
    assert format_usd(-1) == "-0.000000001"
    assert format_usd(1_500_000_000) == "1.5"
    assert format_usd(-20_000_000_000) == "-20"
    assert format_ratio(1_000_000) == "1"
    assert format_ratio(800_000) == "0.8"


def test_a_ratio_is_not_negative() -> None:
    with pytest.raises(MoneyError, match="negative"):
        parse_ratio("-0.5")
