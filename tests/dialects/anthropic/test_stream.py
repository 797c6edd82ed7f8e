"""Streams: bytes out are bytes in; content, end, usage and errors are noticed."""

import json
from typing import Any

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic.stream import StreamTap
from tests.dialects.anthropic.recordings import events


def event(kind: str, **members: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + json.dumps({"type": kind} | members).encode() + b"\n\n"


def start(index: int = 0, **block: Any) -> bytes:
    return event("content_block_start", index=index, content_block={"type": "text", "text": ""} | block)


def delta(index: int = 0, **what: Any) -> bytes:
    return event("content_block_delta", index=index, delta=what)


USAGE = {"input_tokens": 9, "cache_read_input_tokens": 90, "output_tokens": 1}
BEGIN = event("message_start", message={"id": "msg_1", "model": "claude-vendor", "content": [], "usage": USAGE})
PING = event("ping")
HELLO = delta(type="text_delta", text="Hello " * 4)
CLOSE = event("content_block_stop", index=0)
END = event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 40})
STOP = event("message_stop")
ALL = (BEGIN, start(), PING, HELLO, CLOSE, END, STOP)


def tap(**how: Any) -> StreamTap:
    return StreamTap(Tapping(stream=True, **how))


def test_a_whole_stream() -> None:
    one = tap()
    assert one.empty
    assert b"".join(map(one.feed, ALL)) + one.end() == b"".join(ALL)
    assert (one.content, one.done, one.fault, one.empty) == (True, True, None, False)
    assert one.usage == Usage(input=9, cache_read=90, output=40)


@pytest.mark.parametrize(
    "first",
    [
        delta(type="text_delta", text="H"),
        delta(type="thinking_delta", thinking="H"),
        delta(type="signature_delta", signature="sig"),
        delta(type="input_json_delta", partial_json=""),
        start(type="redacted_thinking", data="abc"),
        start(type="web_search_tool_result", content=[]),
        start(text="H"),
        END,
    ],
)
def test_what_is_content(first: bytes) -> None:
    one = tap()
    for frame in (BEGIN, PING, start(), start(type="tool_use", name="f", input={}), delta(type="text_delta", text=""), CLOSE):
        one.feed(frame)
    assert not one.content
    one.feed(first)
    assert one.content


def test_usage_replaces_what_it_names() -> None:
    one = tap()
    for frame in ALL[:-2]:
        one.feed(frame)
    assert one.usage == Usage(input=9, cache_read=90, output=1)
    one.feed(event("message_delta", delta={"stop_reason": "end_turn"}, usage={"input_tokens": 300, "output_tokens": 50}))
    assert one.usage == Usage(input=300, cache_read=90, output=50)


def test_a_message_that_comes_whole_has_been_counted_before() -> None:
    begin = event(
        "message_start", message={"content": [{"type": "tool_use"}], "stop_reason": "tool_use", "usage": {"input_tokens": 0}}
    )
    one = tap()
    assert one.feed(begin + STOP) + one.end() == begin + STOP
    assert (one.content, one.done, one.usage) == (True, True, Usage())


def test_events_nobody_knows_pass() -> None:
    one = tap()
    new = event("something_new", data={"x": 1})
    assert one.feed(BEGIN + new + b": comment\n\n" + HELLO) == BEGIN + new + b": comment\n\n" + HELLO
    assert one.fault is None


@pytest.mark.parametrize(("show", "name"), [("public", "public"), ('a/"b"', 'a/"b"')])
def test_the_models_name_in_message_start(show: str, name: str) -> None:
    one = tap(show_model=show)
    out = b"".join(map(one.feed, ALL)) + one.end()
    expected = events(b"".join(ALL))
    expected[0]["message"]["model"] = name
    assert events(out) == expected
    assert out.endswith(b"".join(ALL[1:]))


def test_the_models_name_where_another_key_is_called_so() -> None:
    begin = event("message_start", message={"model": "vendor", "usage": {"iterations": [{"model": "other"}]}})
    out = tap(show_model="public").feed(begin)
    assert events(out)[0]["message"] == {"model": "public", "usage": {"iterations": [{"model": "other"}]}}


def test_the_cost_waits_next_to_the_end() -> None:
    one = tap(show_cost=True)
    assert b"".join(map(one.feed, ALL)) + one.end() == b"".join(ALL[:-2])
    last = one.last("0.000012")
    priced, stop = events(last)
    assert priced["usage"] == {"output_tokens": 40, "cost": 0.000012}
    assert stop == {"type": "message_stop"}
    assert last.endswith(STOP)
    assert one.last("1") == b""


def test_only_the_last_count_waits() -> None:
    one = tap(show_cost=True)
    out = b"".join(map(one.feed, (*ALL[:-2], END, PING, END, STOP))) + one.end()
    assert out == b"".join((*ALL[:-2], END, PING))
    assert [found["type"] for found in events(one.last("0.5"))] == ["message_delta", "message_stop"]


def test_an_error_inside() -> None:
    one = tap()
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded, sk-ant-api03-secret"})
    one.feed(BEGIN)
    assert b"secret" not in one.feed(error)
    assert one.fault is not None
    assert one.fault.kind is Kind.VENDOR_OVERLOADED
    assert one.end() == b""
    assert not one.done


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
        b'data: {"error":{"type":"overloaded_error","message":"x"}}\n\n',
    ],
)
def test_errors_in_other_frames(data: bytes) -> None:
    one = tap()
    one.feed(data)
    assert one.fault is not None
    assert one.fault.kind is Kind.VENDOR_OVERLOADED


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"message","content":[]}\n\n',
        b"<html>\n\n",
        b"[1]\n\n",
        b"event: x\ndata: nonsense\n\n",
        b"event: x\ndata: [1]\n\n",
        STOP,
    ],
)
def test_garbage(data: bytes) -> None:
    with pytest.raises(Fault) as caught:
        tap().feed(data)
    assert caught.value.kind is Kind.VENDOR_GARBAGE


def test_a_frame_without_end_is_garbage() -> None:
    one = tap()
    one.feed(b"data: " + b"x" * 4_000_000)
    with pytest.raises(Fault) as caught:
        one.feed(b"x" * 1_000_000)
    assert caught.value.kind is Kind.VENDOR_GARBAGE


def test_a_vendor_that_forgets_the_last_event() -> None:
    one = tap()
    out = b"".join(map(one.feed, ALL[:-1])) + one.end()
    assert events(out) == events(b"".join(ALL))
    assert one.done
    priced = tap(show_cost=True)
    for frame in ALL[:-1]:
        priced.feed(frame)
    assert priced.end() == b""
    assert [found["type"] for found in events(priced.last("1"))] == ["message_delta", "message_stop"]


def test_openrouters_end_mark_passes() -> None:
    one = tap()
    assert one.feed(b"".join(ALL) + b"data: [DONE]\n\n") == b"".join(ALL) + b"data: [DONE]\n\n"
    assert one.done


@pytest.mark.parametrize("frames", [(), (BEGIN,), ALL[:3], ALL[:4], ALL[:5]])
def test_a_stream_that_breaks_off(frames: tuple[bytes, ...]) -> None:
    one = tap()
    for frame in frames:
        one.feed(frame)
    with pytest.raises(Fault) as caught:
        one.end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_a_last_frame_without_its_empty_line() -> None:
    one = tap()
    for frame in ALL[:-1]:
        one.feed(frame)
    assert one.feed(STOP[:-1]) == b""
    assert one.end() == STOP[:-1]
    assert one.done


@pytest.mark.parametrize(
    ("frames", "kinds"),
    [
        ((), ["message_start", "message_delta", "message_stop"]),
        (ALL[:1], ["message_delta", "message_stop"]),
        (ALL[:4], ["content_block_stop", "message_delta", "message_stop"]),
        (ALL[:5], ["message_delta", "message_stop"]),
        (ALL[:6], ["message_stop"]),
        (ALL, []),
    ],
)
def test_a_cut_is_well_formed(frames: tuple[bytes, ...], kinds: list[str]) -> None:
    one = tap()
    for frame in frames:
        one.feed(frame)
    assert [found["type"] for found in events(one.cutoff())] == kinds


def test_a_cut_says_what_was_used() -> None:
    one = tap()
    for frame in (*ALL[:3], *[HELLO] * 10):
        one.feed(frame)
    ended = events(one.cutoff())[1]
    assert ended["delta"]["stop_reason"] == "max_tokens"
    assert ended["usage"] == USAGE | {"output_tokens": one.counted().output}
    assert one.counted().output > 40


def test_a_cut_between_usage_and_end_keeps_what_waited() -> None:
    one = tap(show_cost=True)
    for frame in ALL[:-1]:
        one.feed(frame)
    assert events(one.cutoff()) == events(END + STOP)


def test_calls_and_thoughts_are_counted() -> None:
    one = tap()
    for frame in (
        BEGIN,
        start(type="thinking", thinking="", signature=""),
        delta(type="thinking_delta", thinking="hmm " * 10),
        start(1, type="tool_use", id="t", name="get_weather", input={}),
        delta(1, type="input_json_delta", partial_json='{"city":'),
        delta(1, type="input_json_delta", partial_json='"Paris"}'),
    ):
        one.feed(frame)
    assert one.counted().reasoning == 10
    assert 40 < one.counted().output < 60
