"""Input items as turns."""

from typing import Any

import pytest

from entrepot.core.ask import Media, Native, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault, Kind
from tests.dialects.openai_responses.asking import read


def turns(*items: Any) -> tuple[Turn, ...]:
    return read(input=list(items)).turns


def test_a_string_is_what_the_user_says() -> None:
    assert read(input="hi").turns == (Turn("user", (Text("hi"),)),)


def test_a_tool_loop_is_three_turns() -> None:
    spoken = turns(
        {"role": "user", "content": "go"},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "e"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""},
        {"type": "custom_tool_call", "call_id": "p", "name": "patch", "input": "***"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "custom_tool_call_output", "call_id": "p", "output": "done"},
    )
    assert [turn.role for turn in spoken] == ["user", "assistant", "user"]
    assert spoken[1].parts == (
        Thinking("hm", Proof("openai_responses", "e")),
        ToolCall("c", "f", "{}"),
        ToolCall("p", "patch", "***", custom=True),
    )
    assert spoken[2].parts == (
        ToolResult("c", "f", (Text("x"),)),
        ToolResult("p", "patch", (Text("done"),), custom=True),
    )


def test_the_system_first_and_in_between() -> None:
    ask = read(
        instructions="a",
        input=[{"role": "developer", "content": "b"}, {"role": "user", "content": "c"}, {"role": "system", "content": "d"}],
    )
    assert ask.system == (Text("a"), Text("b"))
    assert ask.turns[1] == Turn("system", (Text("d"),))


def test_media_by_string_and_server_items() -> None:
    parts = [
        {"type": "input_image", "image_url": "https://x", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"},
        {"type": "input_file", "file_url": "https://y"},
    ]
    assert turns({"role": "user", "content": parts})[0].parts == (
        Media("image", url="https://x", detail="low"),
        Media("document", data="AAAA", name="a.pdf"),
        Media("document", url="https://y"),
    )
    (native,) = turns({"type": "web_search_call", "id": "w", "status": "completed"})[0].parts
    assert isinstance(native, Native)


@pytest.mark.parametrize(
    ("item", "place", "kind"),
    [
        ({"type": "item_reference", "id": "x"}, "input[0]", Kind.FOREIGN_OBJECT),
        ({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}, "input[0].content[0]", Kind.FOREIGN_OBJECT),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]},
            "input[0].content[0]",
            Kind.INVALID_FIELD,
        ),
        ({"type": "function_call", "call_id": "c", "name": "f", "arguments": "["}, "input[0].arguments", Kind.INVALID_FIELD),
        ({"type": "function_call_output", "output": "x"}, "input[0].call_id", Kind.INVALID_FIELD),
    ],
)
def test_bad_items_are_refused_with_their_place(item: Any, place: str, kind: Kind) -> None:
    with pytest.raises(Fault) as raised:
        turns(item)
    assert (raised.value.param, raised.value.kind) == (place, kind)
