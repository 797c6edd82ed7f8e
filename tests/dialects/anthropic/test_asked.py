"""Messages requests as asks."""

import pytest

from entrepot.core.ask import Choice, Format, Reasoning, Text
from entrepot.core.faults import Fault
from tests.dialects.anthropic.asking import read


def test_the_systems_two_spellings() -> None:
    assert read(system="a").system == (Text("a"),)
    assert read(system=[{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]).system == (Text("a", "5m"),)


def test_tools_of_the_client_and_of_the_vendor() -> None:
    ask = read(tools=[{"name": "f", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}])
    assert [tool.name for tool in ask.tools] == ["f"]
    assert [(tool.kind, tool.native.kind) for tool in ask.server_tools] == [("web_search", "web_search_20250305")]
    with pytest.raises(Fault) as raised:
        read(tools=[{"type": "computer_20250124", "name": "computer"}])
    assert raised.value.param == "tools[0]"


def test_the_choice_of_tools() -> None:
    assert read(tool_choice={"type": "any", "disable_parallel_tool_use": True}).choice == Choice("required", parallel=False)
    assert read(tool_choice={"type": "tool", "name": "f"}).choice == Choice("required", ("f",))
    assert read(tool_choice={"type": "none"}).choice == Choice("none")


def test_thinking_in_its_forms() -> None:
    assert read(thinking={"type": "enabled", "budget_tokens": 2000}).reasoning == Reasoning(None, 2000, show=True)
    assert read(thinking={"type": "disabled"}).reasoning == Reasoning("none", 0)
    adaptive = read(thinking={"type": "adaptive", "display": "omitted"}, output_config={"effort": "max"})
    assert adaptive.reasoning == Reasoning("max", None, show=False, adaptive=True)
    assert read().reasoning is None


def test_formats_old_and_new() -> None:
    form = {"type": "json_schema", "schema": {"type": "object"}}
    assert read(output_config={"format": form}).format == read(output_format=form).format
    assert isinstance(read(output_format=form).format, Format)


def test_what_has_no_word_is_named() -> None:
    assert read(container="x", mcp_servers=[]).unsaid == ("container", "mcp_servers")
