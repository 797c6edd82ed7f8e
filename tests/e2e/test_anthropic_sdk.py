"""The official anthropic SDK against a server process: nothing changed but base_url and api_key."""

import base64
from typing import Any

import anthropic as sdk
import httpx
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.installation import Installation

ASK: list[Any] = [{"role": "user", "content": "Hello 你好"}]
WEATHER: Any = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\x02\x80\0\0\x01\xe0" + b"\x08\x02\0\0\0").decode()


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_whole(claude: Anthropic) -> None:
    answer = claude.messages.create(model="sandbox/echo", max_tokens=100, messages=ASK, system="Be brief.")
    assert text_of(answer) == "Hello 你好"
    assert (answer.stop_reason, answer.role, answer.type) == ("end_turn", "assistant", "message")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")


def test_stream_helper(claude: Anthropic) -> None:
    with claude.messages.stream(model="sandbox/story:30@1000", max_tokens=100, messages=ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(pieces) >= 25
    assert text_of(final) == "".join(pieces)
    assert final.usage.output_tokens == 30


def test_raw_events(claude: Anthropic) -> None:
    stream = claude.messages.create(model="sandbox/echo", max_tokens=100, messages=ASK, stream=True)
    kinds = [event.type for event in stream]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_delta") >= 2


async def test_async_stream(async_claude: AsyncAnthropic) -> None:
    async with async_claude.messages.stream(model="sandbox/story:20@1000", max_tokens=100, messages=ASK) as stream:
        pieces = [text async for text in stream.text_stream]
    assert len(pieces) >= 15


@pytest.mark.parametrize("stream", [False, True])
def test_tools_loop(claude: Anthropic, stream: bool) -> None:
    messages: list[Any] = [{"role": "user", "content": "What is the weather in Paris?"}]
    asked: dict[str, Any] = {"model": "sandbox/tools", "max_tokens": 500, "tools": [WEATHER]}
    if stream:
        with claude.messages.stream(messages=messages, **asked) as events:
            message = events.get_final_message()
    else:
        message = claude.messages.create(messages=messages, **asked)
    assert message.stop_reason == "tool_use"
    call: Any = next(block for block in message.content if block.type == "tool_use")
    assert (call.name, call.input) == ("get_weather", {"city": "Paris"})
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "21 °C and sunny"}
    messages += [{"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    assert "21 °C and sunny" in text_of(claude.messages.create(messages=messages, **asked))


def test_a_tool_by_force(claude: Anthropic) -> None:
    other = {**WEATHER, "name": "get_time"}
    message = claude.messages.create(
        model="sandbox/tools",
        max_tokens=100,
        messages=ASK,
        tools=[WEATHER, other],
        tool_choice={"type": "tool", "name": "get_time"},
    )
    assert [block.name for block in message.content if block.type == "tool_use"] == ["get_time"]


def test_pictures_and_documents(claude: Anthropic) -> None:
    content: Any = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {
            "type": "document",
            "title": "plan.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        },
        {"type": "text", "text": "See", "cache_control": {"type": "ephemeral"}},
    ]
    seen = claude.messages.create(model="sandbox/echo", max_tokens=100, messages=[{"role": "user", "content": content}])
    assert text_of(seen) == "[image 640x480 png]\n[file plan.pdf]\nSee"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking(claude: Anthropic, stream: bool) -> None:
    asked: dict[str, Any] = {
        "model": "sandbox/think",
        "max_tokens": 2000,
        "messages": ASK,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    if stream:
        with claude.messages.stream(**asked) as events:
            message = events.get_final_message()
    else:
        message = claude.messages.create(**asked)
    thought: Any = message.content[0]
    assert thought.type == "thinking"
    assert thought.thinking
    assert thought.signature
    assert text_of(message) == "Hello 你好"


def test_count_tokens(claude: Anthropic) -> None:
    plain = claude.messages.count_tokens(model="sandbox/echo", messages=ASK)
    more = claude.messages.count_tokens(model="sandbox/echo", messages=ASK, tools=[WEATHER], system="Be brief.")
    assert 0 < plain.input_tokens < more.input_tokens


def test_models(claude: Anthropic) -> None:
    names = [model.id for model in claude.models.list(limit=2)]
    assert "sandbox/echo" in names, "the SDK turns the pages"
    assert len(names) > 2
    one = claude.models.retrieve("sandbox/echo")
    assert (one.id, one.type, one.display_name) == ("sandbox/echo", "model", "sandbox/echo")
    with pytest.raises(sdk.NotFoundError):
        claude.models.retrieve("claude-77")


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("400", sdk.BadRequestError, "invalid_request_error"),
        ("401", sdk.InternalServerError, "api_error"),  # the vendor's key is our trouble, never the client's 401
        ("402", sdk.InternalServerError, "api_error"),
        ("403", sdk.InternalServerError, "api_error"),
        ("404", sdk.NotFoundError, "not_found_error"),
        ("413", sdk.APIStatusError, "request_too_large"),
        ("429", sdk.RateLimitError, "rate_limit_error"),
        ("500", sdk.InternalServerError, "api_error"),
        ("504", sdk.InternalServerError, "api_error"),
        ("529", sdk.InternalServerError, "overloaded_error"),
        ("lie", sdk.InternalServerError, "api_error"),
        ("garbage", sdk.InternalServerError, "api_error"),
        ("reset", sdk.InternalServerError, "api_error"),
        ("html", sdk.InternalServerError, "api_error"),
        ("empty", sdk.InternalServerError, "api_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_vendor_errors_are_the_sdks_own_classes(
    claude: Anthropic, fault: str, error: type[Exception], kind: str, stream: bool
) -> None:
    with pytest.raises(error) as caught:
        claude.messages.create(
            model="sandbox/echo", max_tokens=9, messages=ASK, stream=stream, extra_headers={"x-sandbox-fault": fault}
        )
    problem: Any = caught.value
    assert (problem.body["type"], problem.body["error"]["type"]) == ("error", kind)
    assert problem.request_id.startswith("req_")


@pytest.mark.parametrize("fault", ["cut=9", "late-error=9"])
def test_an_error_in_mid_stream_is_raised(claude: Anthropic, fault: str) -> None:
    stream = claude.messages.create(
        model="sandbox/story:40@1000", max_tokens=99, messages=ASK, stream=True, extra_headers={"x-sandbox-fault": fault}
    )
    seen: list[str] = []
    with pytest.raises(sdk.APIStatusError) as caught:
        seen.extend(
            event.delta.text for event in stream if event.type == "content_block_delta" and event.delta.type == "text_delta"
        )
    assert "".join(seen), "content came before the break"
    assert caught.value.body["type"] == "error"  # type: ignore[index,call-overload]


def test_our_own_errors(claude: Anthropic) -> None:
    with pytest.raises(sdk.AuthenticationError) as wrong:
        claude.with_options(api_key="sk-wrong").messages.create(model="sandbox/echo", max_tokens=9, messages=ASK)
    assert wrong.value.error_code == "invalid_api_key"
    with pytest.raises(sdk.NotFoundError) as unknown:
        claude.messages.create(model="no-such-model", max_tokens=9, messages=ASK)
    assert unknown.value.error_code == "model_not_found"
    with pytest.raises(sdk.BadRequestError, match="model"):
        claude.post("/v1/messages", cast_to=object, body={"messages": ASK, "max_tokens": 9})
    document: Any = {"type": "document", "source": {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}}
    with pytest.raises(sdk.NotFoundError) as file:
        claude.messages.create(model="sandbox/echo", max_tokens=9, messages=[{"role": "user", "content": [document]}])
    assert file.value.error_code == "not_found"


@pytest.mark.parametrize("path", ["/v1/messages?beta=true", "/messages", "/v1/v1/messages"])
def test_the_way_claude_code_calls(installation: Installation, path: str) -> None:
    """Its headers, its query, its system of several blocks; a bearer token in place of `x-api-key`."""
    body = {
        "model": "sandbox/tools",
        "max_tokens": 32000,
        "stream": True,
        "system": [
            {"type": "text", "text": "You are a tool."},
            {"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Weather", "cache_control": {"type": "ephemeral"}}]}
        ],
        "tools": [WEATHER],
        "metadata": {"user_id": "user_1_account__session_2"},
        "thinking": {"type": "adaptive"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    }
    headers = {
        "authorization": f"Bearer {installation.key}",
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27",
        "anthropic-dangerous-direct-browser-access": "true",
        "user-agent": "claude-cli/2.1.0 (external, cli)",
        "x-app": "cli",
        "x-stainless-helper-method": "stream",
    }
    with httpx.Client(base_url=installation.base, trust_env=False, timeout=20) as client:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["request-id"] == answer.headers["x-request-id"]
        assert answer.text.startswith("event: message_start\ndata: ")
        assert answer.text.endswith('event: message_stop\ndata: {"type":"message_stop"}\n\n')
        counted = client.post(
            path.replace("/messages", "/messages/count_tokens"),
            json={name: body[name] for name in ("model", "messages", "tools", "system")},
            headers=headers,
        )
        assert counted.json()["input_tokens"] > 0


def test_errors_outside_of_a_call(installation: Installation) -> None:
    with httpx.Client(base_url=installation.base, trust_env=False) as client:
        wrong = client.get("/v1/messages")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert wrong.json()["error"]["type"] == "invalid_request_error"
        missing = client.post("/v1/messages/batches", headers={"anthropic-version": "2023-06-01"})
        assert (missing.status_code, missing.json()["type"], missing.json()["error"]["type"]) == (
            404,
            "error",
            "not_found_error",
        )
        assert missing.json()["request_id"] == missing.headers["request-id"]
