"""Asks as Responses requests."""

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
from entrepot.core.faults import Fault
from entrepot.kit.json import Raw
from tests.dialects.openai_responses.asking import HELLO, write


def items(*turns: Turn) -> list[dict[str, Any]]:
    return write(Ask("m", turns=turns))[0]["input"]


def test_nothing_is_stored_and_reasoning_comes_back_encrypted() -> None:
    body, dropped = write(Ask("m", turns=HELLO, reasoning=Reasoning("max"), sampling=Sampling(temperature=1.0)), "o3")
    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert dropped == ("temperature",)
    assert write(Ask("m", turns=HELLO, reasoning=Reasoning("low")))[1] == ("reasoning",)


def test_reasoning_never_stands_alone() -> None:
    thought, foreign = Thinking("hm", Proof("openai_responses", "e")), Thinking("x", Proof("anthropic", "s"))
    assert [item["type"] for item in items(*HELLO, Turn("assistant", (thought, ToolCall("c", "f", "{}"))))] == [
        "message",
        "reasoning",
        "function_call",
    ]
    assert [item["type"] for item in items(*HELLO, Turn("assistant", (Text("a"), thought)))] == ["message", "message"]
    assert [item["type"] for item in items(*HELLO, Turn("assistant", (foreign, Text("a"))))] == ["message", "message"]


def test_results_with_pictures_and_free_text() -> None:
    picture = Media("image", mime="image/png", data="AAAA")
    said = items(
        Turn(
            "user",
            (ToolResult("c", content=(Text("x"), picture)), ToolResult("p", content=(Text("d"),), custom=True), Text("?")),
        )
    )
    assert [item["type"] for item in said] == ["function_call_output", "custom_tool_call_output", "message"]
    assert said[0]["output"][1] == {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"}
    assert said[1]["output"] == "d"


def test_tools_formats_and_caps() -> None:
    tools = (Tool("f", schema=Raw(b'{"type":"object"}')), Tool("patch", schema=Raw(b'{"type":"text"}'), custom=True))
    ask = Ask(
        "m",
        turns=HELLO,
        tools=tools,
        choice=Choice("required", ("f",), parallel=False),
        format=Format(Raw(b"{}"), strict=True),
        max_output=3,
    )
    body, _ = write(ask)
    assert body["tools"] == [
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False},
        {"type": "custom", "name": "patch", "format": {"type": "text"}},
    ]
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ({"type": "function", "name": "f"}, False)
    assert body["text"]["format"]["strict"] is True
    assert body["max_output_tokens"] == 16


def test_what_is_lacking_is_named_or_refused() -> None:
    assert write(Ask("m", turns=HELLO, sampling=Sampling(stop=("x",), seed=1, logprobs=True, top_logprobs=2)))[1] == (
        "seed",
        "stop",
    )
    for bad in (
        Ask("m", turns=HELLO, choices=2),
        Ask("m", turns=(Turn("user", (Media("audio", mime="audio/wav", data="AAAA"),)),)),
    ):
        with pytest.raises(Fault):
            write(bad)
