"""The official openai SDK's Responses API against a server, whose sandbox speaks chat completions: calls are converted."""

from typing import Any

import openai as sdk
import pytest
from openai import OpenAI

WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def test_whole(openai: OpenAI) -> None:
    answer = openai.responses.create(model="sandbox/echo", input="Hello 你好", instructions="Be brief.", max_output_tokens=100)
    assert answer.output_text == "Hello 你好"
    assert answer.status == "completed"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens > 0


def test_stream_helper(openai: OpenAI) -> None:
    with openai.responses.stream(model="sandbox/story:30@1000", input="go") as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert kinds.count("response.output_text.delta") >= 25
    assert len(final.output_text) > 20


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_loop(openai: OpenAI, stream: bool) -> None:
    asked: list[Any] = [{"role": "user", "content": "weather in Paris?"}]
    how: dict[str, Any] = {"model": "sandbox/tools", "tools": [WEATHER]}
    if stream:
        with openai.responses.stream(input=asked, **how) as events:
            answer: Any = events.get_final_response()
    else:
        answer = openai.responses.create(input=asked, **how)
    calls = [item for item in answer.output if item.type == "function_call"]
    assert calls
    assert calls[0].name == "get_weather"
    asked += [
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments} for call in calls
    ]
    asked += [{"type": "function_call_output", "call_id": call.call_id, "output": "sunny"} for call in calls]
    again = openai.responses.create(input=asked, model="sandbox/echo", tools=[WEATHER])
    assert again.status == "completed"


def test_what_needs_a_memory_is_refused(openai: OpenAI) -> None:
    with pytest.raises(sdk.NotFoundError) as raised:
        openai.responses.create(model="sandbox/echo", input="hi", previous_response_id="resp_1")
    assert raised.value.param == "previous_response_id"
    with pytest.raises(sdk.NotFoundError):
        openai.responses.create(model="nobody", input="hi")
