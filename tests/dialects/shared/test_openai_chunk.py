"""Chunks that are not as OpenAI writes them."""

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.openai_chunk import Choice, Delta, given, read, read_choices, read_lenient
from entrepot.kit.json import Raw


def lenient(delta: str) -> Delta:
    chunk = read_lenient(b'{"choices":[{"delta":' + delta.encode() + b"}]}")
    assert chunk.choices is not None
    assert chunk.choices[0].delta is not None
    return chunk.choices[0].delta


def test_both_readings_agree_on_a_common_chunk() -> None:
    payload = (
        b'{"id":"c","model":"m","choices":[{"index":1,"delta":{"role":"assistant","content":"hi","tool_calls":[{"index":0,'
        b'"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1},"x_groq":{"id":"r"}}'
    )
    fast, slow = read(payload), read_lenient(payload)
    for chunk in (fast, slow):
        assert chunk.choices is not None
        choice = chunk.choices[0]
        assert (choice.index, choice.finish_reason, chunk.model, chunk.usage) == (1, "stop", "m", {"prompt_tokens": 1})
        assert choice.delta is not None
        assert choice.delta.content == "hi"
        assert choice.delta.tool_calls is not None
        assert choice.delta.tool_calls[0].function is not None
        assert choice.delta.tool_calls[0].function.arguments == "{}"


def test_content_as_a_list_of_parts() -> None:
    delta = lenient('{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"hi"}]}')
    assert (delta.content, delta.reasoning_content) == ("hi", "hm")


def test_arguments_as_an_object_or_null() -> None:
    delta = lenient(
        '{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}},{"function":{"name":"g","arguments":null}},7]}'
    )
    assert delta.tool_calls is not None
    functions = [call.function for call in delta.tool_calls]
    assert [(function.name, function.arguments) for function in functions if function] == [("f", '{"a":1}'), ("g", None)]


@pytest.mark.parametrize(
    "payload",
    [
        b'{"choices":[{"index":null,"delta":null,"finish_reason":null}]}',
        b'{"choices":[{"index":"0","delta":[],"finish_reason":1}]}',
        b'{"choices":[7,null],"usage":[],"model":5,"x_groq":"y"}',
        b'{"choices":{},"usage":"none"}',
        b'{"choices":[{"delta":{"content":7,"tool_calls":{},"function_call":[]}}]}',
    ],
)
def test_wrong_types_are_survived(payload: bytes) -> None:
    read_lenient(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"choices":[{"delta":{"content":"\\ud83d"}}]}',
        b'{"choices":[{"delta":{"content":"\\ude00 x"}}]}',
        b'{"choices":[{"delta":{"content":"a\tb"},"logprobs":NaN}]}',
        b'{"choices":[{"delta":{"content":"a\xff"},"logprobs":-Infinity}]}',
    ],
)
def test_what_a_strict_parser_refuses(payload: bytes) -> None:
    chunk = read_lenient(payload)
    assert chunk.choices is not None
    assert chunk.choices[0].delta is not None
    assert chunk.choices[0].delta.content


@pytest.mark.parametrize("payload", [b"nonsense", b"[1]", b'"x"', b'{"choices":', b""])
def test_garbage(payload: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_lenient(payload)
    assert caught.value.kind is Kind.VENDOR_GARBAGE


def test_given() -> None:
    assert [given(Raw(value)) for value in (b"", b"null", b"[]", b"{}", b'""', b"false", b'{"id":"a"}')] == [False] * 6 + [True]


def test_choices_of_a_whole_answer() -> None:
    choices = read_choices(b'[{"index":0,"message":{"content":"hi","reasoning":"hm"},"finish_reason":"stop"},{"text":"old"}]')
    assert choices == [
        Choice(delta=choices[0].delta, finish_reason="stop", index=0),
        Choice(delta=choices[1].delta, text="old"),
    ]
    assert choices[0].delta is not None
    assert (choices[0].delta.content, choices[0].delta.reasoning) == ("hi", "hm")
    assert read_choices(b"[oops") == []
