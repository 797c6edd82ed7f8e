"""Messages as turns."""

from typing import Any

import pytest

from entrepot.core.ask import Media, Proof, Refusal, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault
from entrepot.dialects.openai_chat_conversion.messages import read_messages
from entrepot.dialects.shared.fields import Field


def read(*messages: Any) -> tuple[Turn, ...]:
    return read_messages(Field(list(messages), "messages"))[1]


@pytest.mark.parametrize("content", [{}, {"content": None}, {"content": ""}, {"content": []}])
def test_nothing_beside_a_call_in_all_its_spellings(content: dict[str, Any]) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert read({"role": "assistant", "tool_calls": [call], **content})[0].parts == (ToolCall("c", "f", '{"a": 1}'),)


def test_legacy_function_calls_find_their_result() -> None:
    turns = read(
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "5"},
    )
    assert turns[0].parts == (ToolCall("call_legacy_0", "f", "{}"),)
    assert turns[1].parts == (ToolResult("call_legacy_0", "f", (Text("5"),)),)


def test_all_results_of_a_turn_are_one_turn_with_what_the_user_says() -> None:
    turns = read(
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "2"}]},
        {"role": "user", "content": "and?"},
    )
    assert turns == (
        Turn("user", (ToolResult("a", content=(Text("1"),)), ToolResult("b", content=(Text("2"),)), Text("and?"))),
    )


def test_parts_of_every_kind() -> None:
    parts = [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"filename": "x.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
    ]
    assert read({"role": "user", "content": parts})[0].parts == (
        Text("a", "1h"),
        Media("audio", mime="audio/mp3", data="AAAA"),
        Media("document", mime="application/pdf", data="AAAA", name="x.pdf"),
        Media("video", url="https://x/y.mp4"),
    )


def test_reasoning_and_refusals() -> None:
    details = [{"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1"}]
    turn = read({"role": "assistant", "content": "x", "reasoning_content": "no", "reasoning_details": details, "refusal": "r"})[
        0
    ]
    assert turn.parts == (Thinking("hm", Proof("anthropic", "s")), Text("x"), Refusal("r"))


@pytest.mark.parametrize("arguments", ["[1]", "1", "{", '"x"'])
def test_arguments_must_be_an_object(arguments: str) -> None:
    with pytest.raises(Fault) as raised:
        read({"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": arguments}}]})
    assert raised.value.param == "messages[0].tool_calls[0].function.arguments"
