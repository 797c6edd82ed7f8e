"""The official openai SDK against a server process: nothing changed but base_url and api_key."""

import math
from typing import Any

import openai as sdk
import pytest
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.installation import Installation

ASK: list[Any] = [{"role": "user", "content": "Hello 你好"}]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


def test_whole(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(model="sandbox/echo", messages=ASK)
    assert answer.choices[0].message.content == "Hello 你好"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_stream_with_and_without_usage(openai: OpenAI) -> None:
    plain = list(openai.chat.completions.create(model="sandbox/echo", messages=ASK, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in plain) == "Hello 你好"
    assert not any(chunk.usage for chunk in plain), "the usage that we asked for ourselves stays ours"
    asked = list(
        openai.chat.completions.create(model="sandbox/echo", messages=ASK, stream=True, stream_options={"include_usage": True})
    )
    assert asked[-1].choices == []
    assert asked[-1].usage is not None
    assert asked[-1].usage.completion_tokens > 0
    assert asked[-1].usage.model_extra == {"cost": 0}, "what the call costs: the sandbox is free"


def test_stream_helper(openai: OpenAI) -> None:
    with openai.chat.completions.stream(model="sandbox/story:30@1000", messages=ASK) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    assert kinds.count("content.delta") >= 20
    assert final.choices[0].message.content


async def test_async_stream(async_openai: AsyncOpenAI) -> None:
    stream = await async_openai.chat.completions.create(model="sandbox/story:20@1000", messages=ASK, stream=True)
    pieces = [chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices]
    assert len([piece for piece in pieces if piece]) >= 15


@pytest.mark.parametrize("stream", [False, True])
def test_tools_loop(openai: OpenAI, stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    if stream:
        with openai.chat.completions.stream(model="sandbox/tools", messages=messages, tools=[WEATHER]) as events:
            message: Any = events.get_final_completion().choices[0].message
    else:
        message = openai.chat.completions.create(model="sandbox/tools", messages=messages, tools=[WEATHER]).choices[0].message
    (call,) = message.tool_calls
    assert call.function.name == "get_weather"
    messages += [
        {"role": "assistant", "tool_calls": [call.model_dump(include={"id", "type", "function"})]},
        {"role": "tool", "tool_call_id": call.id, "content": "21 °C and sunny"},
    ]
    final = openai.chat.completions.create(model="sandbox/tools", messages=messages, tools=[WEATHER])
    assert "21 °C and sunny" in (final.choices[0].message.content or "")


class Event(BaseModel):
    name: str
    day: int
    people: list[str]


def test_parse(openai: OpenAI) -> None:
    answer = openai.chat.completions.parse(model="sandbox/json", messages=ASK, response_format=Event)
    assert isinstance(answer.choices[0].message.parsed, Event)


def test_several_choices_reasoning_and_vision(openai: OpenAI) -> None:
    assert len(openai.chat.completions.create(model="sandbox/echo", messages=ASK, n=3).choices) == 3
    thought: Any = openai.chat.completions.create(model="sandbox/think", messages=ASK, reasoning_effort="low")
    assert thought.choices[0].message.reasoning_content
    picture = {"type": "image_url", "image_url": {"url": "https://pictures.example/cat.png"}}
    seen = openai.chat.completions.create(
        model="sandbox/echo",
        messages=[{"role": "user", "content": [{"type": "text", "text": "See"}, picture]}],  # type: ignore[list-item]
    )
    assert "image" in (seen.choices[0].message.content or "")


def test_audio_out(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model="sandbox/audio", messages=ASK, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"}
    )
    audio = answer.choices[0].message.audio
    assert audio is not None
    assert audio.transcript


def test_legacy_functions_and_completions(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model="sandbox/tools",
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        functions=[WEATHER["function"]],
    )
    assert answer.choices[0].message.function_call is not None
    old = openai.completions.create(model="sandbox/echo", prompt="Say this is a test")
    assert old.object == "text_completion"
    assert old.choices[0].text


def test_embeddings(openai: OpenAI) -> None:
    one, two = openai.embeddings.create(model="sandbox/embed", input=["a", "b"], dimensions=64).data
    assert len(one.embedding) == len(two.embedding) == 64
    assert math.isclose(sum(value * value for value in one.embedding), 1.0, rel_tol=1e-3)
    floats = openai.embeddings.create(model="sandbox/embed", input="a", dimensions=64, encoding_format="float").data[0]
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(floats.embedding, one.embedding, strict=True))


def test_moderations(openai: OpenAI) -> None:
    assert openai.moderations.create(model="sandbox/moderate", input="violence").results[0].flagged
    assert not openai.moderations.create(model="sandbox/moderate", input="kittens").results[0].flagged


def test_models(openai: OpenAI) -> None:
    names = [model.id for model in openai.models.list()]
    assert "sandbox/echo" in names
    assert openai.models.retrieve("sandbox/echo").id == "sandbox/echo"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("400", sdk.BadRequestError),
        ("401", sdk.InternalServerError),  # the vendor's key is our trouble, never the client's 401
        ("403", sdk.InternalServerError),
        ("404", sdk.NotFoundError),
        ("429", sdk.RateLimitError),
        ("500", sdk.InternalServerError),
        ("lie", sdk.InternalServerError),
        ("garbage", sdk.InternalServerError),
        ("reset", sdk.InternalServerError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_vendor_errors_are_the_sdks_own_classes(openai: OpenAI, fault: str, error: type[Exception], stream: bool) -> None:
    with pytest.raises(error):
        openai.chat.completions.create(
            model="sandbox/echo", messages=ASK, stream=stream, extra_headers={"x-sandbox-fault": fault}
        )


def test_an_error_in_mid_stream_is_raised(openai: OpenAI) -> None:
    stream = openai.chat.completions.create(
        model="sandbox/story:40@1000", messages=ASK, stream=True, extra_headers={"x-sandbox-fault": "cut"}
    )
    seen: list[str] = []
    with pytest.raises(sdk.APIError):
        seen.extend(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert "".join(seen), "content came before the cut"


def test_our_own_errors(installation: Installation, openai: OpenAI) -> None:
    with pytest.raises(sdk.AuthenticationError) as wrong:
        openai.with_options(api_key="sk-wrong").models.list()
    assert wrong.value.code == "invalid_api_key"
    with pytest.raises(sdk.NotFoundError) as unknown:
        openai.chat.completions.create(model="no-such-model", messages=ASK)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(sdk.BadRequestError) as missing:
        openai.post("/chat/completions", cast_to=object, body={"messages": ASK})
    assert missing.value.param == "model"


def test_the_sdks_client_without_v1_works_too(installation: Installation) -> None:
    with OpenAI(base_url=installation.base, api_key=installation.key, max_retries=0) as client:
        assert client.chat.completions.create(model="sandbox/echo", messages=ASK).choices[0].message.content
