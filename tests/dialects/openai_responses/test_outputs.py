"""Items begin, grow and are done."""

from typing import Any

from entrepot.core.ask import Citation, Media
from entrepot.dialects.openai_responses.outputs import CallOutput, MessageOutput, Output, ReasoningOutput, image_output


class Said:
    """Collects frames."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, **members: Any) -> bytes:
        self.frames.append((kind.removeprefix("response."), members))
        return b""


def told(output: Output, said: Said, *words: str) -> list[str]:
    list(output.begin())
    for word in words:
        list(output.more(word))
    list(output.done())
    return [kind for kind, _ in said.frames]


def test_a_message() -> None:
    said = Said()
    output = MessageOutput("text", 0, said, "x_0")
    list(output.begin())
    list(output.more("a"))
    output.cite(Citation("https://x"))
    list(output.more("b"))
    list(output.done())
    assert [kind for kind, _ in said.frames] == [
        "output_item.added", "content_part.added", "output_text.delta", "output_text.annotation.added", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done",
    ]  # fmt: skip
    assert output.fields["content"][0]["text"] == "ab"
    assert output.fields["content"][0]["annotations"][0]["url"] == "https://x"
    assert output.fields["status"] == "completed"


def test_reasoning_with_and_without_words() -> None:
    said = Said()
    assert told(ReasoningOutput(0, said, "x"), said, "a", "b")[1:3] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
    ]
    said = Said()
    hidden = ReasoningOutput(0, said, "x")
    assert told(hidden, said) == ["output_item.added", "output_item.done"]
    assert hidden.fields["summary"] == []


def test_calls_and_pictures() -> None:
    said = Said()
    call = CallOutput(0, said, "x", {"type": "custom_tool_call", "call_id": "c", "name": "p"})
    assert told(call, said, "*", "*")[1:4] == ["custom_tool_call_input.delta"] * 2 + ["custom_tool_call_input.done"]
    assert call.fields["input"] == "**"
    assert image_output(0, said, "x", Media("image", mime="image/webp", data="A")).fields["output_format"] == "webp"
