"""A conversion is a tap: bytes of the vendor in, bytes of the client out."""

import pytest

from entrepot.core.conversion import Reading, Writing, Written
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.conversion import AnthropicConversion
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from entrepot.kit import json
from entrepot.relay.convert import ConvertedTap

CHUNK = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
LAST = (
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":1}}\n\ndata: [DONE]\n\n'
)


def tap(*, stream: bool = True, written: Written | None = None) -> ConvertedTap:
    reader = OpenAIChatConversion().reader(Reading(stream, "s"))
    writer = AnthropicConversion().writer(Writing(stream, "s", "m", 1, wants_usage=True))
    return ConvertedTap(reader, writer, written or Written(b""), stream=stream)


def test_the_end_waits_for_its_cost() -> None:
    converted = tap()
    first = converted.feed(CHUNK)
    assert b"message_start" in first
    assert converted.content
    assert not converted.done
    assert b"message_stop" not in converted.feed(LAST)
    assert converted.done
    assert converted.end() == b""
    assert b'"cost":0.5' in converted.last("0.5")
    assert converted.last("0.5") == b""
    assert converted.usage is not None
    assert converted.usage.input == 2


def test_a_whole_answer_in_pieces() -> None:
    body = json.encode({"id": "x", "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]})
    converted = tap(stream=False)
    assert converted.feed(body[:20]) + converted.feed(body[20:]) + converted.end() == b""
    assert json.decode(converted.last("1"))["content"] == [{"type": "text", "text": "hi"}]
    assert converted.counted().output == 1


def test_an_error_in_the_middle_is_told_in_the_clients_words() -> None:
    converted = tap()
    converted.feed(CHUNK)
    assert b"event: error" in converted.feed(b'data: {"error":{"message":"no"}}\n\n')
    assert converted.fault is not None
    assert not converted.done
    assert converted.end() + converted.last("1") == b""


def test_nothing_follows_an_error() -> None:
    converted = tap()
    converted.feed(CHUNK)
    out = converted.feed(b'data: {"error":{"message":"no"}}\n\n' + CHUNK + LAST) + converted.feed(CHUNK + LAST)
    assert out.count(b"event: error") == 1
    assert out.endswith(b"\n\n")
    assert b"text_delta" not in out
    assert converted.fault is not None
    assert converted.fault.vendor is None  # the body of another dialect


def test_early_ends_and_cut_offs() -> None:
    converted = tap()
    converted.feed(CHUNK)
    with pytest.raises(Fault) as raised:
        converted.end()
    assert raised.value.kind is Kind.VENDOR_TRUNCATED
    assert b'"stop_reason":"max_tokens"' in converted.cutoff()


def test_emulations_are_undone() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "a_b", "arguments": "{}"}}
    converted = tap(written=Written(b"", renamed={"a_b": "a.b"}))
    assert b'"name":"a.b"' in converted.feed(
        b"data: " + json.encode({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}) + b"\n\n"
    )
