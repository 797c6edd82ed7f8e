"""Failed validations in one sentence."""

import pytest

from entrepot.control.apply import ModelRow
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.errors import InvalidError
from entrepot.control.problems import read


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"provider": "x", "weigth": 1}, "weigth: is not a known field. Did you mean 'weight'?"),
        ({"provider": "x", "limits": {"max_conections": 1}}, "Did you mean 'max_connections'?"),
        ({"provider": "x", "zzzzzz": 1}, "zzzzzz: is not a known field."),
        ({}, "provider: is missing"),
        ({"provider": 3}, "provider: Input should be a valid string"),
        ({"provider": "x", "model_map": {"a": 1}}, "model_map.a: Input should be a valid string"),
    ],
)
def test_sentences(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidError) as caught:
        read(ChannelCreate, dict(fields))
    assert sentence in caught.value.message


def test_nested_tables() -> None:
    with pytest.raises(InvalidError, match=r"price\.inptu: is not a known field. Did you mean 'input'"):
        read(ModelRow, {"name": "m", "price": {"inptu": "1"}})
