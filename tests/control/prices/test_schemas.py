"""What a price may say."""

from typing import Any

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.prices.schemas import PriceSet, PriceTable, Tier
from entrepot.control.problems import read
from entrepot.snapshot.prices import TOKENS, UNITS


def test_every_kind_that_the_price_book_knows() -> None:
    assert set(PriceTable.model_fields) == {*TOKENS, *UNITS}


@pytest.mark.parametrize("conditions", [{"size": "1024x1024"}, {"quality": "high"}])
def test_tokens_have_no_size(conditions: dict[str, Any]) -> None:
    with pytest.raises(InvalidError, match="input is a price of tokens, which have no size"):
        read(PriceSet, {"model": "m", "price": {"input": "1"}, "conditions": conditions})
    with pytest.raises(InvalidError, match="no size and no quality"):
        read(Tier, {"price": {"output": "1"}, **conditions})
    assert read(Tier, {"price": {"image": "1"}, **conditions}).price.image == "1"


@pytest.mark.parametrize("conditions", [{"prompt_over": 0}, {"prompt_over": -1}, {"prompt_over": "5"}, {"promptover": 5}])
def test_conditions_that_are_none(conditions: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        read(PriceSet, {"model": "m", "price": {"input": "1"}, "conditions": conditions})
