"""Content blocks as parts."""

from typing import Any

import pytest

from entrepot.core.ask import Media, Native, Part, Proof, Text, Thinking, ToolCall, ToolResult
from entrepot.core.faults import Fault
from entrepot.dialects.anthropic.blocks import REDACTED, read_turns
from entrepot.dialects.shared.fields import Field


def parts(*blocks: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    return read_turns(Field([{"role": role, "content": list(blocks)}], "messages"))[0].parts


def test_thinking_with_and_without_words() -> None:
    signed = {"type": "thinking", "thinking": "", "signature": "s"}
    hidden = {"type": "redacted_thinking", "data": "d"}
    assert parts(signed, hidden, role="assistant") == (
        Thinking("", Proof("anthropic", "s")),
        Thinking("", Proof("anthropic", REDACTED + "d")),
    )


def test_calls_and_results() -> None:
    assert parts({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}, role="assistant") == (
        ToolCall("t", "f", '{"a":1}'),
    )
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "x"}, picture], "is_error": True}
    assert parts(result) == (ToolResult("t", "", (Text("x"), Media("image", mime="image/png", data="AAAA")), failed=True),)
    assert parts({"type": "tool_result", "tool_use_id": "t"}) == (ToolResult("t"),)


def test_documents_in_all_their_sources() -> None:
    assert parts({"type": "document", "title": "t", "source": {"type": "url", "url": "https://x"}}) == (
        Media("document", mime="application/pdf", url="https://x", name="t"),
    )
    (text,) = parts({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "hello"}})
    assert text == Media("document", mime="text/plain", data="aGVsbG8=")


def test_blocks_of_its_own_stay_native() -> None:
    (block,) = parts({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, role="assistant")
    assert isinstance(block, Native)
    assert block.kind == "server_tool_use"


@pytest.mark.parametrize(
    ("block", "place"),
    [
        ({"type": "image", "source": {"type": "file", "file_id": "f"}}, "messages[0].content[0].source"),
        ({"type": "image", "source": {"type": "base64", "data": "%"}}, "messages[0].content[0].source"),
        ({"type": "tool_result"}, "messages[0].content[0].tool_use_id"),
        ({"text": "x"}, "messages[0].content[0].type"),
    ],
)
def test_bad_blocks_are_refused_with_their_place(block: dict[str, Any], place: str) -> None:
    with pytest.raises(Fault) as raised:
        parts(block)
    assert (raised.value.status, raised.value.param) == (400, place)
