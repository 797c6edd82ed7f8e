"""Turns as contents, by Google's rules."""

from typing import Any

import pytest

from entrepot.core.ask import Ask, Media, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault
from entrepot.dialects.gemini.contents import SKIP
from tests.dialects.gemini.asking import HELLO, write

CALLS = Turn("assistant", (ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}')))


def contents(*turns: Turn, model: str = "gemini-3-flash") -> list[dict[str, Any]]:
    return write(Ask("m", turns=turns), model)[0]["contents"]


def test_as_many_responses_as_calls_in_their_order() -> None:
    results = Turn("user", (Text("so?"), ToolResult("b", content=(Text('{"y":2}'),))))
    said = contents(*HELLO, CALLS, results)
    assert [content["role"] for content in said] == ["user", "model", "user"]
    assert said[2]["parts"] == [
        {"functionResponse": {"name": "f", "response": {"error": "no result"}}},
        {"functionResponse": {"name": "g", "response": {"y": 2}}},
        {"text": "so?"},
    ]
    assert contents(*HELLO, CALLS)[-1]["role"] == "user"


def test_newer_models_want_a_signature_on_the_first_call() -> None:
    said = contents(*HELLO, CALLS)[1]["parts"]
    assert [part.get("thoughtSignature") for part in said] == [SKIP, None]
    assert "thoughtSignature" not in contents(*HELLO, CALLS, model="gemini-2.5-flash")[1]["parts"][0]
    signed = Turn("assistant", (ToolCall("a", "f", "{}", proof=Proof("gemini", "s")),))
    foreign = Turn("assistant", (ToolCall("a", "f", "{}", proof=Proof("anthropic", "s")),))
    assert contents(*HELLO, signed)[1]["parts"][0]["thoughtSignature"] == "s"
    assert contents(*HELLO, foreign)[1]["parts"][0]["thoughtSignature"] == SKIP


def test_thoughts_go_back_only_with_googles_proof() -> None:
    thoughts = Turn("assistant", (Thinking("a"), Thinking("b", Proof("gemini", "s")), Text("c")))
    assert contents(*HELLO, thoughts)[1]["parts"] == [{"text": "b", "thought": True, "thoughtSignature": "s"}, {"text": "c"}]


def test_pictures_in_results_stand_where_the_model_takes_them() -> None:
    picture = Media("image", mime="image/png", data="AAAA")
    turns = (
        *HELLO,
        Turn("assistant", (ToolCall("a", "f", "{}"),)),
        Turn("user", (ToolResult("a", content=(Text("x"), picture)),)),
    )
    inline = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    assert contents(*turns)[2]["parts"] == [{"functionResponse": {"name": "f", "response": {"output": "x"}, "parts": [inline]}}]
    assert contents(*turns, model="gemini-2.5-pro")[2]["parts"][1] == inline


def test_something_is_always_said_and_types_are_needed() -> None:
    assert contents() == [{"role": "user", "parts": [{"text": "(go on)"}]}]
    with pytest.raises(Fault):
        contents(Turn("user", (Media("document", data="AAAA"),)))
