"""Moderation through the official SDK."""

from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, BadRequestError


async def test_one_text_one_result(sdk: AsyncOpenAI) -> None:
    answer = await sdk.moderations.create(model="sandbox/moderate", input=["a nice day", "so much violence", "一点暴力"])
    assert answer.id.startswith("modr-")
    assert [result.flagged for result in answer.results] == [False, True, True]
    result = answer.results[1]
    assert result.categories.violence
    assert not result.categories.harassment
    assert result.category_scores.violence > 0.9 > result.category_scores.hate
    assert result.category_applied_input_types.violence == ["text"]


async def test_all_categories_have_flag_score_and_types(http: httpx.AsyncClient) -> None:
    (result,) = (await http.post("/moderations", json={"input": "gore"})).json()["results"]
    assert result.keys() == {"flagged", "categories", "category_scores", "category_applied_input_types"}
    assert len(result["categories"]) == 13
    assert result["categories"].keys() == result["category_scores"].keys() == result["category_applied_input_types"].keys()
    assert [name for name, flag in result["categories"].items() if flag] == ["violence/graphic"]


async def test_parts_are_one_input(sdk: AsyncOpenAI) -> None:
    parts: Any = [{"type": "text", "text": "kill"}, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    (result,) = (await sdk.moderations.create(model="moderate", input=parts)).results
    assert result.flagged
    assert result.category_applied_input_types.violence == ["text", "image"]
    assert result.category_applied_input_types.hate == ["text"]


async def test_words_inside_words_do_not_count(sdk: AsyncOpenAI) -> None:
    answer = await sdk.moderations.create(input="A skilled painter", model="moderate")
    assert not answer.results[0].flagged


async def test_without_a_model_or_input(sdk: AsyncOpenAI) -> None:
    assert (await sdk.moderations.create(input="hello")).model == "sandbox/moderate"
    with pytest.raises(BadRequestError):
        await sdk.moderations.create(input=[], model="moderate")
