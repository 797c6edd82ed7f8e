"""Asks as Messages requests."""

import pytest

from entrepot.core.ask import Ask, Choice, Format, Native, Sampling, ServerTool, Text, Tool, Turn
from entrepot.core.conversion import Target
from entrepot.core.faults import Fault
from entrepot.kit import json
from entrepot.kit.json import Raw
from tests.dialects.anthropic.asking import DIALECT, write

HELLO = (Turn("user", (Text("hi"),)),)
SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')


def test_a_cap_is_always_said() -> None:
    assert write(Ask("m", turns=HELLO))[0]["max_tokens"] == 32000
    assert write(Ask("m", turns=HELLO, max_output=7))[0]["max_tokens"] == 7
    assert write(Ask("m", turns=HELLO, max_output=7), max_output=5)[0]["max_tokens"] == 5


def test_knobs_that_fit_and_those_that_do_not() -> None:
    knobs = Sampling(temperature=1.7, top_p=0.5, top_k=4, seed=1, stop=("x", " "), presence_penalty=0.1, logprobs=True)
    body, dropped = write(Ask("m", turns=HELLO, sampling=knobs, verbosity="low"))
    assert (body["temperature"], body["top_k"], body["stop_sequences"]) == (1.0, 4, ["x"])
    assert dropped == ("top_p", "stop", "seed", "presence_penalty", "logprobs", "verbosity")
    assert set(write(Ask("m", turns=HELLO, sampling=knobs), "claude-opus-4-7")[1]) >= {"temperature", "top_p", "top_k"}


def test_a_format_native_forced_or_told() -> None:
    ask = Ask("m", turns=HELLO, format=Format(SCHEMA, "city info"))
    body, _ = write(ask)
    assert body["output_config"]["format"]["schema"]["additionalProperties"] is False
    written = DIALECT.write(ask, Target("claude-sonnet-4-20250514"))
    forced = json.decode(written.body)
    assert written.answer_tool == "city_info"
    assert forced["tool_choice"] == {"type": "tool", "name": "city_info"}
    assert forced["tools"][0]["input_schema"]["type"] == "object"
    told, _ = write(Ask("m", turns=HELLO, format=Format(), system=(Text("s"),)))
    assert told["system"].startswith("s\n\nAnswer with one JSON object")


def test_tools_and_the_choice_among_them() -> None:
    tools = (Tool("f", "does", SCHEMA), Tool("patch", "edits", Raw(b'{"type":"text"}'), custom=True), Tool("g"))
    search = ServerTool("web_search", Native("openai_responses", "web_search", Raw(b"{}")))
    code = ServerTool("code", Native("openai_responses", "code_interpreter", Raw(b"{}")))
    body, dropped = write(
        Ask("m", turns=HELLO, tools=tools, server_tools=(search, code), choice=Choice("auto", parallel=False))
    )
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert body["tools"][1]["input_schema"]["required"] == ["input"]
    assert body["tools"][2]["input_schema"] == {"type": "object", "properties": {}}
    assert body["tools"][3]["type"].startswith("web_search")
    assert dropped == ("code_interpreter",)


def test_marks_of_the_cache_go_along() -> None:
    body, _ = write(
        Ask("m", turns=(Turn("user", (Text("a", "1h"),)),), system=(Text("s", "5m"),), tools=(Tool("f", cache="5m"),))
    )
    assert body["system"] == [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]
    assert body["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}


def test_one_answer_a_call() -> None:
    with pytest.raises(Fault) as raised:
        write(Ask("m", turns=HELLO, choices=2))
    assert raised.value.param == "n"
