"""generateContent requests as asks, in both spellings."""

import pytest

from entrepot.core.ask import Choice, Format, Reasoning, Sampling, Text
from entrepot.core.faults import Fault
from entrepot.kit import json
from tests.dialects.gemini.asking import read


def test_both_spellings_say_the_same() -> None:
    camel = read(
        systemInstruction={"parts": [{"text": "s"}]},
        generationConfig={"maxOutputTokens": 5, "topK": 2, "stopSequences": ["x"], "thinkingConfig": {"thinkingBudget": 0}},
        toolConfig={"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    )
    snake = read(
        system_instruction={"parts": {"text": "s"}},
        generation_config={
            "max_output_tokens": 5,
            "top_k": 2,
            "stop_sequences": ["x"],
            "thinking_config": {"thinking_budget": 0},
        },
        tool_config={"function_calling_config": {"mode": "ANY", "allowed_function_names": ["f"]}},
    )
    assert camel == snake
    assert camel.system == (Text("s"),)
    assert (camel.max_output, camel.sampling) == (5, Sampling(top_k=2, stop=("x",)))
    assert (camel.reasoning, camel.choice) == (Reasoning(budget=0), Choice("required", ("f",)))


def test_tools_as_a_list_or_a_lone_object() -> None:
    declared = {
        "functionDeclarations": [
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}}
        ]
    }
    ask = read(tools=[declared, {"googleSearch": {}}])
    assert ask == read(tools=[declared, {"googleSearch": {}}])
    assert read(tools=declared).tools == ask.tools
    assert ask.tools[0].schema is not None
    assert json.decode(bytes(ask.tools[0].schema)) == {"type": "object", "properties": {"a": {"type": ["string", "null"]}}}
    assert [tool.kind for tool in ask.server_tools] == ["web_search"]


def test_formats() -> None:
    plain = {"responseMimeType": "application/json"}
    assert read(generationConfig=plain).format == Format()
    real = read(generationConfig={**plain, "responseJsonSchema": {"type": "object"}}).format
    google = read(generationConfig={**plain, "responseSchema": {"type": "OBJECT"}}).format
    assert real == google
    assert read(generationConfig={"responseMimeType": "text/plain"}).format is None


def test_what_has_no_word_is_named() -> None:
    assert read(safetySettings=[], generationConfig={"mediaResolution": "LOW"}).unsaid == (
        "safetySettings",
        "generationConfig.mediaResolution",
    )


def test_places_of_what_is_wrong() -> None:
    with pytest.raises(Fault) as raised:
        read(generationConfig={"temperature": "hot"})
    assert raised.value.param == "generationConfig.temperature"
