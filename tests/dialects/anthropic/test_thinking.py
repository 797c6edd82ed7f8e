"""How much a Claude is to think."""

from typing import Any

import pytest

from entrepot.core.ask import Ask, Choice, Proof, Reasoning, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from tests.dialects.anthropic.asking import write

HELLO = (Turn("user", (Text("hi"),)),)


def thinking(reasoning: Reasoning, model: str = "claude-sonnet-4-5", **ask: Any) -> tuple[Any, int, tuple[str, ...]]:
    body, dropped = write(Ask(model, turns=ask.pop("turns", HELLO), reasoning=reasoning, **ask), model)
    return body.get("thinking"), body["max_tokens"], dropped


@pytest.mark.parametrize(("effort", "budget"), [("minimal", 1024), ("low", 2048), ("medium", 8192), ("high", 16384)])
def test_efforts_become_budgets(effort: Any, budget: int) -> None:
    assert thinking(Reasoning(effort))[0] == {"type": "enabled", "budget_tokens": budget}


def test_the_cap_is_what_money_was_reserved_for_and_never_rises() -> None:
    assert thinking(Reasoning(budget=5000), max_output=4000)[:2] == ({"type": "enabled", "budget_tokens": 2000}, 4000)
    assert thinking(Reasoning(budget=5000), max_output=1000) == (None, 1000, ("reasoning",))
    body, dropped = write(Ask("m", turns=HELLO, reasoning=Reasoning("high")), "claude-sonnet-4-5", max_output=3000)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (1500, 3000)
    body, dropped = write(Ask("m", turns=HELLO, reasoning=Reasoning("high")), "claude-sonnet-4-5", max_output=500)
    assert "thinking" not in body
    assert dropped == ("reasoning",)


def test_newer_models_think_adaptively() -> None:
    body, _ = write(Ask("m", turns=HELLO, reasoning=Reasoning("xhigh")), "claude-opus-4-7")
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "xhigh"})
    body, _ = write(Ask("m", turns=HELLO, reasoning=Reasoning(budget=1024)), "claude-opus-4-7")
    assert body["output_config"] == {"effort": "low"}
    body, _ = write(Ask("m", turns=HELLO, reasoning=Reasoning("none")), "claude-opus-4-7")
    assert body["thinking"] == {"type": "disabled"}


def test_a_forced_tool_forbids_a_budget() -> None:
    found = thinking(Reasoning("low"), tools=(Tool("f"),), choice=Choice("required"))
    assert (found[0], found[2]) == (None, ("reasoning",))


@pytest.mark.parametrize(("proof", "thinks"), [(None, False), (Proof("gemini", "s"), False), (Proof("anthropic", "s"), True)])
def test_while_a_tool_loop_lasts_the_signed_thinking_must_be_there(proof: Proof | None, thinks: bool) -> None:
    called = Turn("assistant", (Thinking("hm", proof), ToolCall("c", "f", "{}")))
    turns = (*HELLO, called, Turn("user", (ToolResult("c"),)))
    found, _, dropped = thinking(Reasoning("low"), turns=turns)
    assert (found is not None) is thinks
    assert dropped == (() if thinks else ("reasoning",))


def test_old_models_do_not_think() -> None:
    assert thinking(Reasoning("high"), "claude-3-5-haiku")[2] == ("reasoning",)
