"""Requests as asks and back: every recorded request keeps what it says."""

from typing import Any

import msgspec
import pytest

from entrepot.core.ask import Ask, Media, Part, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.call import Peek
from entrepot.core.conversion import Target
from entrepot.core.faults import Fault
from entrepot.dialects.openai_chat import OpenAIChat
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.kit import json
from tests.dialects.recordings import CHAT
from tests.shared import corpus, requires_shared

DIALECT = OpenAIChatConversion()


def peek(body: Any) -> Peek:
    return OpenAIChat().peek(json.encode(body))


def ask(**body: Any) -> Ask:
    return DIALECT.read(peek({"model": "m", "messages": [{"role": "user", "content": "hi"}], **body}))


@requires_shared
@pytest.mark.parametrize("name", CHAT)
def test_recorded_requests_come_back_the_same(name: str) -> None:
    for record in corpus(name):
        body = record.get("request_json")
        if record["status"] != 200 or not isinstance(body, dict) or "messages" not in body:
            continue
        if any(word in json.encode(body).decode() for word in _ELSEWHERE):
            continue
        first = DIALECT.read(peek({"model": "m", **body}))
        written = DIALECT.write(first, Target(first.model, thinking_field="reasoning_content"))
        again = DIALECT.read(OpenAIChat().peek(written.body))
        assert plainer(again.turns) == plainer(first.turns), record["id"]
        assert "\n\n".join(text.text for text in first.system) == "".join(text.text for text in again.system), record["id"]
        assert (again.tools, again.format, again.max_output) == (first.tools, first.format, first.max_output), record["id"]


_ELSEWHERE = ('"file_id"', '"video_url"', '"document_url"')
"""Content that only some imitators take, or that names a vendor's object."""


def plainer(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Without cache marks and proofs, which this format does not send on."""
    return tuple(Turn(turn.role, tuple(bare(part) for part in turn.parts)) for turn in turns)


def bare(part: Part) -> Part:
    if isinstance(part, Text | Media | ToolResult):
        part = msgspec.structs.replace(part, cache="")
    return Thinking(part.text) if isinstance(part, Thinking) else part


def test_the_sides_alternate_and_results_know_their_tool() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    read = ask(
        messages=[
            {"role": "developer", "content": "a"},
            {"role": "system", "content": [{"type": "text", "text": "b"}]},
            {"role": "user", "content": "1"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}}]},
            {"role": "assistant", "content": "", "reasoning_content": "hm", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "done"},
            {"role": "user", "content": "2"},
        ]
    )
    assert read.system == (Text("a"), Text("b"))
    assert [turn.role for turn in read.turns] == ["user", "assistant", "user"]
    assert read.turns[0].parts == (Text("1"), Media("image", url="https://x/y.png", detail="low"))
    assert read.turns[1].parts == (Thinking("hm"), ToolCall("c", "f", "{}"))
    assert read.turns[2].parts == (ToolResult("c", "f", (Text("done"),)), Text("2"))


@pytest.mark.parametrize(
    ("messages", "place"),
    [
        ([{"role": "user", "content": [{"type": "hologram"}]}], "messages[0].content[0]"),
        ([{"role": "user", "content": 5}], "messages[0].content"),
        ([{"role": "wizard", "content": "x"}], "messages[0].role"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,%%"}}]}],
            "messages[0].content[0]",
        ),
        (
            [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{no"}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
    ],
)
def test_bad_content_is_refused_with_its_place(messages: list[Any], place: str) -> None:
    with pytest.raises(Fault) as raised:
        ask(messages=messages)
    assert (raised.value.status, raised.value.param) == (400, place)


def test_unknown_fields_are_named() -> None:
    assert ask(mystery=1, store=None).unsaid == ("mystery",)


def test_reasoning_in_three_spellings() -> None:
    assert ask(reasoning_effort="high").reasoning == ask(reasoning={"effort": "high"}).reasoning
    budget = ask(thinking={"type": "enabled", "budget_tokens": 2000}).reasoning
    assert budget is not None
    assert budget.budget == 2000
    assert ask().reasoning is None
