"""Anthropic's dialect of the sandbox, asked by the official SDK and byte by byte."""

from typing import Any

import anthropic
import httpx
import pytest
from anthropic import AsyncAnthropic

from entrepot.kit import json, sse
from tests.vendors import Vendor

ASK: list[Any] = [{"role": "user", "content": "Hello big world"}]
WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


async def events(http: httpx.AsyncClient, model: str, **fields: Any) -> list[tuple[str, Any]]:
    """Names and data of a stream."""
    body = {"model": model, "max_tokens": 100, "messages": ASK, "stream": True, **fields}
    response = await http.post("/messages", json=body)
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    read = [sse.read(frame) for frame in sse.Splitter().feed(response.content)]
    return [((event.name or b"").decode(), json.decode(event.data or b"")) for event in read]


async def test_the_exact_order(http: httpx.AsyncClient) -> None:
    got = await events(http, "sandbox/echo")
    assert [name for name, _ in got] == [
        "message_start", "content_block_start", "ping", *["content_block_delta"] * 3, "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip
    assert all(name == data["type"] for name, data in got)
    message = got[0][1]["message"]
    assert (message["content"], message["model"], message["stop_reason"]) == ([], "sandbox/echo", None)
    assert message["usage"] | {"output_tokens": 0} == {
        "input_tokens": 10, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "service_tier": "standard",
    }  # fmt: skip
    assert [data["delta"] for name, data in got if name == "content_block_delta"] == [
        {"type": "text_delta", "text": text} for text in ("Hello", " big", " world")
    ]
    assert got[-2][1]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert got[-2][1]["usage"] == {"output_tokens": 3}


async def test_stream_and_whole_are_the_same_message(claude: AsyncAnthropic) -> None:
    for model, more in (
        ("sandbox/echo", {}),
        ("sandbox/tools", {"tools": [WEATHER]}),
        ("sandbox/think", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("sandbox/echo", {"stop_sequences": ["big"]}),
    ):
        asked: dict[str, Any] = {"model": model, "max_tokens": 2000, "messages": ASK, **more}
        whole = await claude.messages.create(**asked)
        async with claude.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
        assert [block.to_dict() for block in streamed.content] != []
        plain = [[block.to_dict() | {"id": ""} for block in message.content] for message in (whole, streamed)]
        assert [{**block, "citations": None} for block in plain[0]] == [{**block, "citations": None} for block in plain[1]]
        assert (streamed.stop_reason, streamed.stop_sequence) == (whole.stop_reason, whole.stop_sequence)
        assert streamed.usage.output_tokens == whole.usage.output_tokens
        assert streamed.usage.input_tokens == whole.usage.input_tokens


async def test_tools_and_their_results(claude: AsyncAnthropic) -> None:
    asked = await claude.messages.create(model="sandbox/tools", max_tokens=100, messages=ASK, tools=[WEATHER])
    assert asked.stop_reason == "tool_use"
    (call,) = asked.content
    assert call.type == "tool_use"
    assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
    result: Any = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "21 °C"}]}
    history: list[Any] = [*ASK, {"role": "assistant", "content": asked.content}, result]
    told = await claude.messages.create(model="sandbox/tools", max_tokens=100, messages=history, tools=[WEATHER])
    assert told.content[0].type == "text"
    assert told.content[0].text == "get_weather says: 21 °C"


async def test_thinking_only_where_asked_for(claude: AsyncAnthropic) -> None:
    silent = await claude.messages.create(model="sandbox/think", max_tokens=2000, messages=ASK)
    assert [block.type for block in silent.content] == ["text"]
    aloud = await claude.messages.create(
        model="sandbox/think", max_tokens=2000, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
    )
    assert [block.type for block in aloud.content] == ["thinking", "text"]
    assert aloud.usage.output_tokens == silent.usage.output_tokens + 24


async def test_limits(claude: AsyncAnthropic) -> None:
    short = await claude.messages.create(model="sandbox/echo", max_tokens=2, messages=ASK)
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 2)
    with pytest.raises(anthropic.BadRequestError, match="budget_tokens"):
        await claude.messages.create(
            model="sandbox/echo", max_tokens=1024, messages=ASK, thinking={"type": "enabled", "budget_tokens": 1024}
        )
    with pytest.raises(anthropic.BadRequestError, match="at least one"):
        await claude.messages.create(model="sandbox/echo", max_tokens=1, messages=[])


async def test_counting(claude: AsyncAnthropic) -> None:
    plain = await claude.messages.count_tokens(model="sandbox/echo", messages=ASK)
    more = await claude.messages.count_tokens(model="sandbox/echo", messages=ASK, system="Be brief.", tools=[WEATHER])
    assert 0 < plain.input_tokens < more.input_tokens
    said = await claude.messages.create(model="sandbox/echo", max_tokens=9, messages=ASK)
    assert said.usage.input_tokens == plain.input_tokens
    with pytest.raises(anthropic.BadRequestError):
        await claude.messages.count_tokens(model="sandbox/echo", messages=[])


async def test_pictures_are_seen(claude: AsyncAnthropic) -> None:
    picture: Any = {"type": "image", "source": {"type": "url", "url": "https://pictures.example/cat.png"}}
    seen = await claude.messages.create(
        model="sandbox/echo", max_tokens=50, messages=[{"role": "user", "content": [picture, {"type": "text", "text": "!"}]}]
    )
    assert seen.content[0].type == "text"
    assert seen.content[0].text == "[image url]\n!"


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("429", anthropic.RateLimitError, "rate_limit_error"),
        ("quota", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("529", anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_faults_in_anthropics_words(claude: AsyncAnthropic, fault: str, error: type[Exception], kind: str) -> None:
    with pytest.raises(error) as caught:
        await claude.messages.create(model=f"sandbox/echo!{fault}", max_tokens=9, messages=ASK)
    body: Any = caught.value.body  # type: ignore[attr-defined]
    assert (body["type"], body["error"]["type"]) == ("error", kind)


async def test_what_is_left_out(http: httpx.AsyncClient) -> None:
    got = await events(http, "echo!no-usage!no-done")
    assert not any("usage" in data or "usage" in data.get("message", {}) for _, data in got)
    assert got[-1][0] == "message_delta"
    whole = await http.post("/messages", json={"model": "echo!no-usage", "max_tokens": 9, "messages": ASK})
    assert "usage" not in whole.json()


async def test_padding(http: httpx.AsyncClient) -> None:
    whole = await http.post("/messages", json={"model": "echo!big=200000", "max_tokens": 9, "messages": ASK})
    assert whole.json()["content"] == [{"type": "text", "text": "Hello big world" + "x" * 200_000}]
    got = await events(http, "echo!big=40000")
    texts = [data["delta"]["text"] for name, data in got if name == "content_block_delta"]
    assert "".join(texts) == "Hello big world" + "x" * 40_000


async def test_cached(http: httpx.AsyncClient) -> None:
    usage = (await http.post("/messages", json={"model": "echo!cached=4", "max_tokens": 9, "messages": ASK})).json()["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"]) == (6, 4)


async def test_the_key_goes_into_either_header(sandbox_vendor: Vendor) -> None:
    async with httpx.AsyncClient(base_url=sandbox_vendor.base_url, trust_env=False) as http:
        body = {"model": "echo", "max_tokens": 9, "messages": ASK}
        assert (await http.post("/messages", json=body, headers={"x-api-key": "sk-sandbox"})).status_code == 200
        wrong = await http.post("/messages", json=body, headers={"x-api-key": "sk-wrong"})
        assert (wrong.status_code, wrong.json()["error"]["type"]) == (401, "authentication_error")
        assert wrong.headers["request-id"].startswith("req_")
