"""Asks as generateContent requests."""

from typing import Any

import pytest

from entrepot.core.ask import Ask, Choice, Effort, Format, Native, Reasoning, Sampling, ServerTool, Text, Tool
from entrepot.kit.json import Raw
from tests.dialects.gemini.asking import HELLO, write

SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')
SEARCH = ServerTool("web_search", Native("openai_responses", "web_search", Raw(b"{}")))


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0, "includeThoughts": False}),
        ("gemini-2.5-pro", "none", {"thinkingBudget": 128, "includeThoughts": False}),
        ("gemini-2.5-flash", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5-flash", "max", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-3-flash", "minimal", {"thinkingLevel": "MINIMAL", "includeThoughts": True}),
        ("gemini-3-pro", "minimal", {"thinkingLevel": "LOW", "includeThoughts": True}),
    ],
)
def test_efforts_in_the_words_of_the_family(model: str, effort: Effort, config: dict[str, Any]) -> None:
    body, _ = write(Ask("m", turns=HELLO, reasoning=Reasoning(effort)), model)
    assert body["generationConfig"]["thinkingConfig"] == config


def test_budgets_become_levels_and_old_models_do_not_think() -> None:
    body, _ = write(Ask("m", turns=HELLO, reasoning=Reasoning(budget=20000, show=False)))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "HIGH", "includeThoughts": False}
    assert write(Ask("m", turns=HELLO, reasoning=Reasoning("high")), "gemini-2.0-flash")[1] == ("reasoning",)


def test_knobs() -> None:
    knobs = Sampling(
        temperature=0.5, top_p=0.9, top_k=3, seed=4, stop=("1", "2", "3", "4", "5", "6"), logprobs=True, top_logprobs=2
    )
    body, dropped = write(Ask("m", turns=HELLO, sampling=knobs, choices=2, max_output=9, user="u"), max_output=5)
    config = body["generationConfig"]
    assert (config["topK"], config["seed"], config["candidateCount"], config["maxOutputTokens"]) == (3, 4, 2, 5)
    assert len(config["stopSequences"]) == 5
    assert dropped == ("stop", "user")


def test_functions_do_not_mix_before_gemini_3() -> None:
    ask = Ask("m", turns=HELLO, tools=(Tool("f", schema=SCHEMA),), server_tools=(SEARCH,), format=Format(SCHEMA))
    new, dropped = write(ask)
    assert new["generationConfig"]["responseJsonSchema"] == {"type": "object", "properties": {"a": {"type": "string"}}}
    assert new["tools"][1] == {"googleSearch": {}}
    assert dropped == ()
    old, dropped = write(ask, "gemini-2.5-flash")
    assert "generationConfig" not in old
    assert "JSON" in old["systemInstruction"]["parts"][0]["text"]
    assert dropped == ("web_search",)


def test_the_choice_of_tools() -> None:
    tools = (Tool("f"), Tool("g", schema=Raw(b'{"type":"object"}')))
    body, _ = write(Ask("m", turns=HELLO, tools=tools, choice=Choice("required", ("f",)), system=(Text("s"),)))
    assert body["toolConfig"]["functionCallingConfig"] == {"mode": "ANY", "allowedFunctionNames": ["f"]}
    assert body["tools"][0]["functionDeclarations"] == [{"name": "f"}, {"name": "g"}]
    assert body["systemInstruction"] == {"parts": [{"text": "s"}]}
    assert write(Ask("m", turns=HELLO, tools=tools, choice=Choice(parallel=False)))[1] == ("parallel_tool_calls",)
