"""Streams, frame by frame, as OpenAI sends them."""

from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from entrepot.kit import json, sse


async def chunks(http: httpx.AsyncClient, model: str, **fields: Any) -> list[Any]:
    """All chunks of a stream; asserts that it is one and that it ends with [DONE]."""
    body = {"model": model, "messages": [{"role": "user", "content": "Hello big world"}], "stream": True, **fields}
    response = await http.post("/chat/completions", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    data = [sse.read(frame).data for frame in sse.Splitter().feed(response.content)]
    assert data[-1] == b"[DONE]"
    return [json.decode(one or b"") for one in data[:-1]]


async def test_the_exact_order(http: httpx.AsyncClient) -> None:
    got = await chunks(http, "sandbox/echo")
    shared = {key: got[0][key] for key in ("id", "object", "created", "model", "service_tier", "system_fingerprint")}
    assert shared["object"] == "chat.completion.chunk"

    def chunk(delta: Any, finish: str | None = None) -> Any:
        return {**shared, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    assert got == [
        chunk({"role": "assistant", "content": "", "refusal": None}),
        chunk({"content": "Hello"}),
        chunk({"content": " big"}),
        chunk({"content": " world"}),
        chunk({}, "stop"),
    ]


async def test_usage_comes_last_and_only_when_asked_for(http: httpx.AsyncClient) -> None:
    *others, last = await chunks(http, "echo", stream_options={"include_usage": True})
    assert [chunk["usage"] for chunk in others] == [None] * 5
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["completion_tokens"]) == (10, 3)
    assert not any("usage" in chunk for chunk in await chunks(http, "echo", stream_options={"include_usage": False}))


async def test_choices_take_turns(http: httpx.AsyncClient) -> None:
    got = await chunks(http, "echo", n=2)
    assert [chunk["choices"][0]["index"] for chunk in got] == [0, 1] * 5
    assert [chunk["choices"][0]["finish_reason"] for chunk in got[-2:]] == ["stop", "stop"]


async def test_a_lone_call_begins_with_the_role(http: httpx.AsyncClient) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"city": {"type": "string"}}}}}]
    got = await chunks(http, "tools", tools=tools)
    first = got[0]["choices"][0]["delta"]
    assert (first["role"], first["content"], first["refusal"]) == ("assistant", None, None)
    assert first["tool_calls"][0]["function"] == {"name": "f", "arguments": ""}
    later = [chunk["choices"][0]["delta"]["tool_calls"][0] for chunk in got[1:-1]]
    assert all(call.keys() == {"index", "function"} for call in later)
    assert "".join(call["function"]["arguments"] for call in later) == '{"city":"Paris"}'
    assert got[-1]["choices"][0]["delta"] == {}
    assert got[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_two_calls_begin_after_the_role(http: httpx.AsyncClient) -> None:
    tools = [{"type": "function", "function": {"name": name}} for name in ("hello", "world")]
    got = await chunks(http, "tools", tools=tools)
    deltas = [chunk["choices"][0]["delta"] for chunk in got]
    assert deltas[0] == {"role": "assistant", "content": None, "refusal": None}
    assert [delta["tool_calls"][0]["index"] for delta in deltas[1:-1] if "id" in delta["tool_calls"][0]] == [0, 1]


async def test_logprobs(http: httpx.AsyncClient) -> None:
    got = await chunks(http, "echo", logprobs=True)
    assert [chunk["choices"][0]["logprobs"]["content"][0]["token"] for chunk in got[1:-1]] == ["Hello", " big", " world"]


@pytest.mark.parametrize(
    ("model", "longest", "total"), [("echo!big=40000", 16_384, 40_000), ("echo!frame=70000", 70_000, 70_000)]
)
async def test_padding(http: httpx.AsyncClient, model: str, longest: int, total: int) -> None:
    got = await chunks(http, model)
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in got]
    assert max(map(len, texts)) == longest
    assert "".join(texts) == "Hello big world" + "x" * total


async def test_stream_and_whole_are_the_same_message(sdk: AsyncOpenAI) -> None:
    messages: Any = [{"role": "user", "content": 'Grüße, 世界! 🚢 "quoted" \\ and \n new line'}]
    whole = await sdk.chat.completions.create(model="sandbox/echo", messages=messages)
    async with sdk.chat.completions.stream(
        model="sandbox/echo", messages=messages, stream_options={"include_usage": True}
    ) as stream:
        streamed = await stream.get_final_completion()
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert streamed.usage == whole.usage
