"""Contents as turns: calls without ids find their results."""

from typing import Any

import pytest

from entrepot.core.ask import Media, Native, Proof, Text, Thinking, ToolCall, ToolResult, Turn
from entrepot.core.faults import Fault
from tests.dialects.gemini.asking import read


def turns(*contents: Any) -> tuple[Turn, ...]:
    return read(contents=list(contents)).turns


def test_results_find_their_call_by_name_and_order() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}
    other = {"function_call": {"name": "f"}}
    spoken = turns(
        {"role": "model", "parts": [call, other]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"output": "x"}}},
            {"function_response": {"name": "f", "response": {"error": "no"}}},
        ]},
    )  # fmt: skip
    assert spoken[0].parts == (ToolCall("call_0", "f", '{"a":1}', proof=Proof("gemini", "s")), ToolCall("call_1", "f", "{}"))
    assert spoken[1].parts == (
        ToolResult("call_0", "f", (Text("x"),)),
        ToolResult("call_1", "f", (Text("no"),), failed=True),
    )


def test_responses_that_are_objects_stay_json() -> None:
    spoken = turns(
        {"role": "function", "parts": [{"functionResponse": {"id": "i", "name": "f", "response": {"a": 1, "b": 2}}}]}
    )
    assert spoken[0].parts == (ToolResult("i", "f", (Text('{"a":1,"b":2}'),)),)


def test_thoughts_media_and_code() -> None:
    parts = [
        {"text": "hm", "thought": True, "thoughtSignature": "t"},
        {"text": ""},
        {"inlineData": {"mimeType": "image/png", "data": "__-_"}},
        {"fileData": {"fileUri": "gs://x/y.mp4", "mimeType": "video/mp4"}},
        {"executableCode": {"code": "1"}},
    ]
    found = turns({"role": "model", "parts": parts})[0].parts
    assert found[:3] == (
        Thinking("hm", Proof("gemini", "t")),
        Media("image", mime="image/png", data="//+/"),
        Media("video", mime="video/mp4", url="gs://x/y.mp4"),
    )
    assert isinstance(found[3], Native)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ({"role": "wizard", "parts": []}, "contents[0].role"),
        ({"parts": [{"inlineData": {"mimeType": "image/png", "data": "%"}}]}, "contents[0].parts[0].inlineData"),
        ({"parts": [{"hologram": 1}]}, "contents[0].parts[0]"),
        ({"parts": [{"functionCall": {}}]}, "contents[0].parts[0].functionCall.name"),
    ],
)
def test_bad_contents_are_refused_with_their_place(content: Any, place: str) -> None:
    with pytest.raises(Fault) as raised:
        turns(content)
    assert (raised.value.status, raised.value.param) == (400, place)
