"""What a credit may say."""

from typing import Any

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.problems import read
from entrepot.control.wallets.schemas import CreditCreate


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"amount": "0"}, "amount is zero"),
        ({"amount": "-0.0"}, "amount is zero"),
        ({"amount": "-1"}, "only an adjustment takes money away"),
        ({"amount": "-1", "kind": "refund"}, "only an adjustment takes money away"),
        ({"amount": 1.5}, "is a decimal in quotes"),
        ({"amount": "1e-10"}, "too many digits"),
        ({"amount": "NaN"}, "is not an amount"),
        ({"amount": "1000000000.000000001"}, "out of range"),
        ({"amount": "1", "kind": "usage"}, "kind"),
        ({"amount": "1", "reference": "usage:1:2"}, "the program's own"),
        ({"amount": "1", "reference": "opening:alice"}, "the program's own"),
        ({"amount": "1", "reference": "a b"}, "reference"),
        ({"amount": "1", "reference": ""}, "reference"),
        ({"amount": "1", "refrence": "x"}, "Did you mean 'reference'?"),
        ({}, "amount: is missing"),
    ],
)
def test_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(CreditCreate, fields)
    assert said in caught.value.message


def test_taken() -> None:
    assert read(CreditCreate, {"amount": "1e3"}).kind == "topup"
    assert read(CreditCreate, {"amount": "-0.000000001", "kind": "adjustment"}).amount == "-0.000000001"
