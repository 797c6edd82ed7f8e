"""The conversation in Anthropic's types, as the characters know it."""

from typing import Any

import msgspec
import pytest

from entrepot.sandbox.messages_requests import CountRequest, MessagesRequest, as_chat
from entrepot.sandbox.requests import ChatRequest


def chat(**fields: Any) -> ChatRequest:
    body = {"model": "sandbox/echo", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]} | fields
    return as_chat(msgspec.convert(body, MessagesRequest))


def test_what_is_needed() -> None:
    assert (chat().model, chat().cap, chat().stops) == ("sandbox/echo", 9, [])
    assert chat(stop_sequences=["x"], stream=True).stops == ["x"]
    counted = as_chat(msgspec.convert({"model": "m", "messages": []}, CountRequest))
    assert (counted.messages, counted.cap) == ([], None)


def test_system_comes_first() -> None:
    assert [message.role for message in chat(system="Be brief.").messages] == ["system", "user"]
    blocks = chat(system=[{"type": "text", "text": "a"}, {"type": "text", "text": "b"}])
    assert [part.text for part in blocks.messages[0].content or []] == ["a", "b"]  # type: ignore[union-attr]


def test_results_of_tools_are_messages_of_their_own() -> None:
    turns = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "get", "input": {"city": "Paris"}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "21 °C"},
                {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "wet"}]},
                {"type": "text", "text": "And?"},
            ],
        },
    ]
    messages = chat(messages=turns).messages
    assert [message.role for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    (call,) = messages[1].tool_calls or []
    assert call.function is not None
    assert (call.id, call.function.name, call.function.arguments) == ("t1", "get", '{"city":"Paris"}')
    assert (messages[2].content, messages[2].tool_call_id) == ("21 °C", "t1")


def test_pictures_and_documents() -> None:
    content = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://pictures.example/cat.png"}},
        {"type": "document", "title": "plan.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "AA"}},
    ]
    parts: Any = chat(messages=[{"role": "user", "content": content}]).messages[0].content
    assert [part.image_url.url for part in parts[:2]] == ["data:image/png;base64,AAAA", "https://pictures.example/cat.png"]
    assert parts[2].file.filename == "plan.pdf"


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "max"),
        ({"thinking": {"type": "disabled"}}, None),
    ],
)
def test_effort(fields: dict[str, Any], effort: str | None) -> None:
    assert chat(**fields).reasoning_effort == effort


def test_tools_and_choices() -> None:
    tools = [{"name": "get", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}]
    assert [tool.name for tool in chat(tools=tools).tools or []] == ["get", "web_search"]
    forced: Any = chat(tools=tools, tool_choice={"type": "tool", "name": "get"}).tool_choice
    assert forced.forced == "get"
    assert chat(tools=tools, tool_choice={"type": "none"}).tool_choice == "none"
    one = chat(tools=tools, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert (one.tool_choice, one.parallel_tool_calls) == ("auto", False)


def test_a_wanted_shape() -> None:
    shape = {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    wanted = chat(output_config=shape).response_format
    assert wanted is not None
    assert wanted.json_schema is not None
    assert wanted.json_schema.schema == {"type": "object"}
