"""Vectors through the official SDK (which asks for base64 by itself)."""

import math
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from entrepot.sandbox.embeddings import vector


async def test_base64_and_float_agree(sdk: AsyncOpenAI) -> None:
    packed = await sdk.embeddings.create(model="sandbox/embed", input="Hello, harbour")
    floats = await sdk.embeddings.create(model="embed", input="Hello, harbour", encoding_format="float")
    assert packed.data[0].embedding == pytest.approx(floats.data[0].embedding, abs=1e-9)
    assert len(packed.data[0].embedding) == 256
    assert math.hypot(*packed.data[0].embedding) == pytest.approx(1, abs=1e-5)
    assert packed.usage.total_tokens == packed.usage.prompt_tokens == 3


async def test_the_default_is_float_on_the_wire(http: Any) -> None:
    document = (await http.post("/embeddings", json={"model": "embed", "input": "x"})).json()
    assert document.keys() == {"object", "data", "model", "usage"}
    assert document["data"][0].keys() == {"object", "index", "embedding"}
    assert isinstance(document["data"][0]["embedding"][0], float)


@pytest.mark.parametrize(
    ("given", "size", "tokens"), [(["a", "b c"], 2, 3), ([1, 2, 3], 1, 3), ([[1], [2, 3]], 2, 3), ("世界", 1, 1)]
)
async def test_forms_of_input(sdk: AsyncOpenAI, given: Any, size: int, tokens: int) -> None:
    answer = await sdk.embeddings.create(model="embed", input=given, dimensions=8)
    assert [item.index for item in answer.data] == list(range(size))
    assert {len(item.embedding) for item in answer.data} == {8}
    assert answer.usage.prompt_tokens == tokens


def test_shared_words_are_near() -> None:
    def near(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(vector(one, 256), vector(other, 256), strict=True))

    assert near("a ship in the harbour", "the ship leaves the harbour") > 0.5
    assert abs(near("a ship in the harbour", "quantum chromodynamics lecture")) < 0.3
    assert near("same", "same") == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "fields", [{"input": ""}, {"input": []}, {"input": ["a", ""]}, {"input": ["a", 1]}, {"input": "a", "dimensions": 0}]
)
async def test_what_is_refused(sdk: AsyncOpenAI, fields: Any) -> None:
    with pytest.raises(BadRequestError):
        await sdk.embeddings.create(model="embed", **fields)
