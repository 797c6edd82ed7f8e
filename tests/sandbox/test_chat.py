"""Chat completions: n, caps, stops, usage, and what is refused; through the official SDK."""

from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError

MESSAGES: Any = [{"role": "user", "content": "one two three four"}]


async def test_usage_counts_every_choice(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/echo", messages=MESSAGES, n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {"one two three four"}
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (11, 12, 23)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(("cap", "said", "finish"), [(2, "one two", "length"), (4, "one two three four", "stop")])
async def test_a_cap_cuts(sdk: AsyncOpenAI, field: str, cap: int, said: str, finish: str) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/echo", messages=MESSAGES, extra_body={field: cap})
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == (said, finish)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == cap


async def test_a_cap_is_spent_on_reasoning_first(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/think", messages=MESSAGES, max_completion_tokens=10)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("", "length")
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 10


@pytest.mark.parametrize("stop", ["three", ["four", "three"]])
async def test_a_stop_sequence_ends_it(sdk: AsyncOpenAI, stop: Any) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/echo", messages=MESSAGES, stop=stop)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("one two ", "stop")


async def test_the_model_is_named_as_asked(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="echo", messages=MESSAGES)
    assert answer.model == "echo"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"messages": []}, "messages"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"temperature": 1, "messages": "hi"}, "messages"),
    ],
)
async def test_what_is_refused(sdk: AsyncOpenAI, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        await sdk.chat.completions.create(**{"model": "sandbox/echo", "messages": MESSAGES, **changes})
    assert caught.value.param == param


@pytest.mark.parametrize("model", ["gpt-4o", "sandbox/embed"])
async def test_a_model_that_cannot_chat(sdk: AsyncOpenAI, model: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await sdk.chat.completions.create(model=model, messages=MESSAGES)
    assert caught.value.code == "model_not_found"


async def test_cached_tokens_on_request(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/echo!cached=5", messages=MESSAGES)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 5
