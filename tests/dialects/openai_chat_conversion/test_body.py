"""Asks as requests: what the target knows is said, what it lacks is named."""

from typing import Any

import pytest

from entrepot.core.ask import (
    Ask,
    Choice,
    Format,
    Media,
    Proof,
    Reasoning,
    Sampling,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from entrepot.core.conversion import Target
from entrepot.core.faults import Fault
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.kit import json
from entrepot.kit.json import Raw

DIALECT = OpenAIChatConversion()
HELLO = (Turn("user", (Text("hi"),)),)


def write(ask: Ask, **target: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    written = DIALECT.write(ask, Target(**{"model": ask.model, **target}))
    return json.decode(written.body), written.dropped


def test_pictures_that_tools_gave_follow_the_results() -> None:
    picture = Media("image", mime="image/png", data="AAAA")
    turn = Turn("user", (ToolResult("c", "f", (Text("see"), picture)), Text("go on")))
    call = Turn("assistant", (Thinking("hm", Proof("anthropic", "s")), ToolCall("c", "f", "{}")))
    body, dropped = write(Ask("m", turns=(*HELLO, call, turn)))
    assert body["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "see"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "text", "text": "go on"},
            ],
        },
    ]
    assert dropped == ()


def test_reasoning_models_get_what_they_take() -> None:
    knobs = Sampling(temperature=0.5, top_k=3, seed=7)
    ask = Ask("gpt-5", turns=HELLO, sampling=knobs, max_output=9, reasoning=Reasoning(effort="none"))
    body, dropped = write(ask)
    assert body["max_completion_tokens"] == 9
    assert body["reasoning_effort"] == "minimal"
    assert body["seed"] == 7
    assert dropped == ("temperature", "top_k")
    body, dropped = write(ask, model="some-model")
    assert (body["max_tokens"], body["temperature"]) == (9, 0.5)
    assert dropped == ("reasoning", "top_k")


def test_tools_and_the_choice_among_them() -> None:
    tools = (Tool("f", schema=Raw(b'{"type":"object"}')), Tool("g"))
    several = Choice("required", ("f", "g"), parallel=False)
    body, _ = write(Ask("m", turns=HELLO, tools=tools, choice=several))
    assert body["tool_choice"]["allowed_tools"]["mode"] == "required"
    assert body["parallel_tool_calls"] is False
    body, _ = write(Ask("m", turns=HELLO, tools=tools, choice=Choice("required", ("f",))))
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert body["tools"][0]["function"] == {"name": "f", "parameters": {"type": "object"}}


def test_a_format_is_said_in_its_own_words() -> None:
    body, _ = write(Ask("m", turns=HELLO, format=Format(Raw(b"{}"), "n", strict=True)))
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True}}


def test_a_lowered_cap_wins_and_usage_is_asked_for() -> None:
    body, _ = write(Ask("m", turns=HELLO, max_output=500, stream=True), max_output=100, ask_usage=True)
    assert (body["max_tokens"], body["stream"], body["stream_options"]) == (100, True, {"include_usage": True})


def test_what_cannot_be_said_is_refused() -> None:
    film = Turn("user", (Media("video", mime="video/mp4", data="AAAA"),))
    with pytest.raises(Fault) as raised:
        write(Ask("m", turns=(film,)))
    assert raised.value.status == 400
    assert "video" in raised.value.message
