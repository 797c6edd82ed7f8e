"""The tools character: a whole loop as an agent runs it, parallel, forced, custom and legacy calls."""

from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError
from openai.types.chat import ChatCompletionMessageFunctionToolCall

from entrepot.kit import json


def tool(name: str, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": schema, "strict": True}}


WEATHER = tool("get_weather", city={"type": "string"}, unit={"type": "string", "enum": ["celsius", "fahrenheit"]})
CLOCK = tool("get_time", timezone={"type": "string"})
SHELL = {"type": "custom", "custom": {"name": "shell"}}


def ask(text: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


async def test_a_loop(sdk: AsyncOpenAI) -> None:
    messages = ask("What is the weather?")
    first = await sdk.chat.completions.create(model="sandbox/tools", messages=messages, tools=[WEATHER, CLOCK])
    assert first.choices[0].finish_reason == "tool_calls"
    assert first.choices[0].message.content is None
    (call,) = first.choices[0].message.tool_calls or []
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "get_weather"
    assert json.decode(call.function.arguments) == {"city": "Paris", "unit": "celsius"}
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "sunny, 21 degrees"},
    ]
    second = await sdk.chat.completions.create(model="sandbox/tools", messages=messages, tools=[WEATHER, CLOCK])
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == "get_weather says: sunny, 21 degrees"


async def test_tools_named_by_the_user_are_called_together(sdk: AsyncOpenAI) -> None:
    text = "Please get_time and get weather."
    both = await sdk.chat.completions.create(model="sandbox/tools", messages=ask(text), tools=[WEATHER, CLOCK])
    one = await sdk.chat.completions.create(
        model="sandbox/tools", messages=ask(text), tools=[CLOCK, WEATHER], parallel_tool_calls=False
    )
    calls = both.choices[0].message.tool_calls or []
    assert len({call.id for call in calls}) == 2
    assert len(one.choices[0].message.tool_calls or []) == 1


@pytest.mark.parametrize("tools", [[WEATHER], [WEATHER, CLOCK]])
async def test_streamed_calls_add_up_to_the_whole_ones(sdk: AsyncOpenAI, tools: list[Any]) -> None:
    text = "get_weather, get_time"
    whole = await sdk.chat.completions.create(model="sandbox/tools", messages=ask(text), tools=tools)
    async with sdk.chat.completions.stream(model="sandbox/tools", messages=ask(text), tools=tools) as stream:
        streamed = await stream.get_final_completion()
    expected = [call.model_dump()["function"] for call in whole.choices[0].message.tool_calls or []]
    calls = [
        call.model_dump(exclude={"function": {"parsed_arguments"}}) for call in streamed.choices[0].message.tool_calls or []
    ]
    assert [call["function"] for call in calls] == expected
    assert len({call["id"] for call in calls}) == len(tools)
    assert streamed.choices[0].finish_reason == "tool_calls"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
        ("required", ["get_weather"]),
        ("none", []),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "get_time"}}]},
            },
            ["get_time"],
        ),
    ],
)
async def test_tool_choice(sdk: AsyncOpenAI, choice: Any, called: list[str]) -> None:
    answer = await sdk.chat.completions.create(
        model="sandbox/tools", messages=ask("Go"), tools=[WEATHER, CLOCK], tool_choice=choice
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == called
    assert (answer.choices[0].message.content is None) == bool(called)


async def test_a_choice_that_is_not_there(sdk: AsyncOpenAI) -> None:
    with pytest.raises(BadRequestError, match="nothing_like_it"):
        await sdk.chat.completions.create(
            model="sandbox/tools",
            messages=ask("Go"),
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "nothing_like_it"}},
        )


async def test_a_custom_tool_takes_text(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/tools", messages=ask("ls -l"), tools=[SHELL])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("shell", "ls -l")


async def test_legacy_functions(sdk: AsyncOpenAI) -> None:
    functions = [WEATHER["function"]]
    messages = ask("Weather?")
    first = await sdk.chat.completions.create(model="sandbox/tools", messages=messages, functions=functions)
    assert first.choices[0].finish_reason == "function_call"
    assert first.choices[0].message.tool_calls is None
    called = first.choices[0].message.function_call
    assert called is not None
    assert called.name == "get_weather"
    arguments = ""
    async for chunk in await sdk.chat.completions.create(
        model="sandbox/tools", messages=messages, functions=functions, stream=True
    ):
        piece = chunk.choices[0].delta.function_call
        arguments += (piece.arguments or "") if piece else ""
    assert arguments == called.arguments
    messages += [{"role": "function", "name": "get_weather", "content": "rain"}]
    second = await sdk.chat.completions.create(model="sandbox/tools", messages=messages, functions=functions)
    assert second.choices[0].message.content == "get_weather says: rain"


async def test_without_tools_it_says_so(sdk: AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="sandbox/tools", messages=ask("Hi"))
    assert answer.choices[0].message.content == "No tools were given. You said: Hi"
