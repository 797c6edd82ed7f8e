"""Turns as messages, by Anthropic's rules."""

from typing import Any

import pytest

from entrepot.core.ask import Ask, Media, Native, Part, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault
from entrepot.kit.json import Raw
from tests.dialects.anthropic.asking import write


def messages(*turns: Turn) -> list[dict[str, Any]]:
    return write(Ask("m", turns=turns))[0]["messages"]


def user(*parts: Part) -> Turn:
    return Turn("user", parts)


def test_every_call_is_answered_next_results_first() -> None:
    calls = Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}')))
    said = messages(user(Text("hi")), calls, user(Text("so?"), ToolResult("b", content=(Text("2"),))))
    assert [block["type"] for block in said[1]["content"]] == ["tool_use", "tool_use"]
    results = said[2]["content"]
    assert [(block["type"], block.get("tool_use_id")) for block in results] == [
        ("tool_result", "a"),
        ("tool_result", "b"),
        ("text", None),
    ]
    assert results[0]["is_error"] is True
    assert results[1]["content"] == "2"


def test_calls_at_the_end_are_answered_too_and_strange_results_become_text() -> None:
    assert messages(user(Text("hi")), Turn("assistant", (ToolCall("a", "f", "{}"),)))[-1]["content"][0]["tool_use_id"] == "a"
    assert messages(user(ToolResult("nobody", content=(Text("x"),)))) == [
        {"role": "user", "content": [{"type": "text", "text": "x"}]}
    ]


def test_no_text_is_empty_and_the_user_begins() -> None:
    said = messages(Turn("assistant", (Text(" "), Text("a \n"))), user(Text(""), Text("b")))
    assert [message["role"] for message in said] == ["user", "assistant", "user"]
    assert said[1]["content"] == [{"type": "text", "text": "a"}]
    assert said[2]["content"] == [{"type": "text", "text": "b"}]


def test_what_the_system_says_in_between_is_said_by_the_user() -> None:
    said = messages(user(Text("a")), Turn("system", (Text("b"),)), Turn("assistant", (Text("c"),)))
    assert [block["text"] for block in said[0]["content"]] == ["a", "b"]


def test_only_its_own_proofs_go_out() -> None:
    thoughts = (
        Thinking("x", Proof("gemini", "g")),
        Thinking("y"),
        Thinking("z", Proof("anthropic", "s")),
        Thinking("", Proof("anthropic", "redacted:d")),
    )
    said = messages(user(Text("hi")), Turn("assistant", (*thoughts, Text("t"))))
    assert said[1]["content"][:2] == [
        {"type": "thinking", "thinking": "z", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
    ]


def test_foreign_blocks_are_dropped_by_name_and_ids_made_safe() -> None:
    native = Native("gemini", "executableCode", Raw(b"{}"))
    body, dropped = write(Ask("m", turns=(user(Text("a")), Turn("assistant", (native, ToolCall("a:b", "ns.f", "{}"))))))
    assert dropped == ("executableCode",)
    assert (body["messages"][1]["content"][0]["id"], body["messages"][1]["content"][0]["name"]) == ("a_b", "ns_f")


@pytest.mark.parametrize(
    "media", [Media("audio", mime="audio/wav", data="AAAA"), Media("image", mime="image/bmp", data="AAAA")]
)
def test_what_cannot_be_shown_is_refused(media: Media) -> None:
    with pytest.raises(Fault) as raised:
        messages(user(media))
    assert (raised.value.status, raised.value.code) == (400, "unsupported_content")
