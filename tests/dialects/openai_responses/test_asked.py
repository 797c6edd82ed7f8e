"""Responses requests as asks."""

from typing import Any

import pytest

from entrepot.core.ask import Choice, Format, Reasoning
from entrepot.core.faults import Fault
from tests.dialects.openai_responses.asking import read


@pytest.mark.parametrize(
    "state", [{"previous_response_id": "r"}, {"conversation": "c"}, {"prompt": {"id": "p"}}, {"background": True}]
)
def test_what_needs_a_memory_is_refused_not_ignored(state: dict[str, Any]) -> None:
    with pytest.raises(Fault) as raised:
        read(**state)
    assert (raised.value.status, raised.value.param) == (400, next(iter(state)))
    assert read(previous_response_id=None, background=False).turns


def test_tools_flat_free_and_hosted() -> None:
    ask = read(tools=[
        {"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True},
        {"type": "custom", "name": "patch", "format": {"type": "grammar"}},
        {"type": "web_search_preview"},
        {"type": "mcp", "server_url": "https://x"},
    ])  # fmt: skip
    assert [(tool.name, tool.custom, tool.strict) for tool in ask.tools] == [("f", False, True), ("patch", True, None)]
    assert [tool.kind for tool in ask.server_tools] == ["web_search", "other"]


def test_the_choice_of_tools() -> None:
    assert read(tool_choice={"type": "function", "name": "f"}, parallel_tool_calls=False).choice == Choice(
        "required", ("f",), parallel=False
    )
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
    assert read(tool_choice=allowed).choice == Choice("auto", ("f",))


def test_formats_reasoning_and_logprobs() -> None:
    form = {"type": "json_schema", "name": "n", "schema": {}, "strict": True}
    ask = read(
        text={"format": form, "verbosity": "low"},
        reasoning={"effort": "high", "summary": "auto"},
        include=["message.output_text.logprobs"],
    )
    assert isinstance(ask.format, Format)
    assert (ask.format.name, ask.verbosity) == ("n", "low")
    assert ask.reasoning == Reasoning("high", show=True)
    assert ask.sampling.logprobs
    assert read(reasoning={"summary": None}).reasoning is None


def test_what_has_no_word_is_named() -> None:
    assert read(max_tool_calls=3).unsaid == ("max_tool_calls",)
