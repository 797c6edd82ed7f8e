"""The legacy dialect through the official SDK."""

from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError


async def test_sixteen_tokens_unless_told_otherwise(sdk: AsyncOpenAI) -> None:
    prompt = " ".join(["word"] * 30)
    answer = await sdk.completions.create(model="sandbox/echo", prompt=prompt)
    assert answer.object == "text_completion"
    assert answer.id.startswith("cmpl-")
    assert answer.choices[0].text == " ".join(["word"] * 16)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (30, 16)


async def test_prompts_times_choices(sdk: AsyncOpenAI) -> None:
    answer = await sdk.completions.create(model="echo", prompt=["a b", "c"], n=2, echo=True)
    assert [(choice.index, choice.text) for choice in answer.choices] == [(0, "a ba b"), (1, "a ba b"), (2, "cc"), (3, "cc")]


@pytest.mark.parametrize(("prompt", "tokens"), [([1, 2, 3], 3), ([[1, 2], [3]], 3)])
async def test_token_lists(sdk: AsyncOpenAI, prompt: Any, tokens: int) -> None:
    answer = await sdk.completions.create(model="echo", prompt=prompt)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == tokens


async def test_a_stream_ends_each_choice(sdk: AsyncOpenAI) -> None:
    stream = await sdk.completions.create(
        model="echo", prompt=["one two", "three"], stream=True, stream_options={"include_usage": True}, stop="two"
    )
    got = [chunk async for chunk in stream]
    texts = {index: "".join(c.choices[0].text for c in got[:-1] if c.choices[0].index == index) for index in (0, 1)}
    assert texts == {0: "one ", 1: "three"}
    assert [c.choices[0].finish_reason for c in got[:-1]].count("stop") == 2
    assert got[-1].choices == []
    assert got[-1].usage is not None


async def test_a_story(sdk: AsyncOpenAI) -> None:
    answer = await sdk.completions.create(model="sandbox/story:50@0", prompt="Tell", max_tokens=100)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 50


@pytest.mark.parametrize("fields", [{"prompt": []}, {"prompt": ""}, {"prompt": ["a", 1]}, {"prompt": "a", "n": 0}])
async def test_what_is_refused(sdk: AsyncOpenAI, fields: Any) -> None:
    with pytest.raises(BadRequestError):
        await sdk.completions.create(model="echo", **fields)
