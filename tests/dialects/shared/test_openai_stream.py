"""Streams, as a transcript: what comes from the vendor, what is known after it."""

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.shared.openai_stream import StreamTap

DONE = b"data: [DONE]\n\n"


def chunk(delta: str = "{}", finish: str = "null", more: str = "", index: int = 0) -> bytes:
    body = f'{{"id":"c","model":"vendor","choices":[{{"index":{index},"delta":{delta},"finish_reason":{finish}}}]{more}}}'
    return f"data: {body}\n\n".encode()


ROLE = chunk('{"role":"assistant","content":""}')
HELLO = chunk('{"content":"Hello"}')
STOP = chunk(finish='"stop"')
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'


def tapped(*pieces: bytes, **how: object) -> StreamTap:
    tap = StreamTap(Tapping(stream=True, **how))  # type: ignore[arg-type]
    for piece in pieces:
        tap.feed(piece)
    return tap


def test_the_common_chunk_is_the_same_object() -> None:
    tap = tapped(ROLE)
    assert tap.feed(HELLO) is HELLO


@pytest.mark.parametrize(
    "delta",
    [
        '{"content":"x"}',
        '{"reasoning_content":"x"}',
        '{"reasoning":"x"}',
        '{"refusal":"x"}',
        '{"tool_calls":[{"index":0,"id":"t","type":"function","function":{"name":"f","arguments":""}}]}',
        '{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}',
        '{"function_call":{"name":"f","arguments":""}}',
        '{"audio":{"id":"a","data":"AAAA"}}',
        '{"images":[{"image_url":{"url":"data:"}}]}',
        '{"reasoning_details":[{"type":"reasoning.encrypted","data":"x"}]}',
        '{"content":[{"type":"text","text":"x"}]}',
        '{"content":"\\ud83d"}',
    ],
)
def test_what_counts_as_content(delta: str) -> None:
    tap = tapped(chunk(delta))
    assert (tap.content, tap.empty) == (True, False)


@pytest.mark.parametrize(
    "piece",
    [
        ROLE,
        chunk('{"role":"assistant","content":null,"refusal":null,"tool_calls":null,"audio":null}'),
        chunk('{"content":"","reasoning_content":"","tool_calls":[],"images":[]}'),
        b": ping\n\n",
        b"event: ping\ndata: \n\n",
        b'data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n',
        b'data: {"type":"ping"}\n\n',
        b"retry: 500\n\n",
        USAGE,
    ],
)
def test_what_does_not(piece: bytes) -> None:
    tap = StreamTap(Tapping(stream=True))
    assert tap.feed(piece) == piece
    assert not tap.content
    assert tap.fault is None


def test_an_empty_answer_is_an_answer() -> None:
    tap = tapped(ROLE, STOP)
    assert (tap.content, tap.empty) == (True, True)


def test_a_stream_with_done() -> None:
    tap = tapped(ROLE, HELLO, STOP, USAGE, DONE)
    assert tap.done
    assert tap.end() == b""
    assert tap.usage == Usage(input=3, output=2)


def test_a_stream_without_done() -> None:
    tap = tapped(ROLE, HELLO, STOP)
    assert not tap.done
    assert tap.end() == b""
    assert tap.done


def test_every_choice_has_to_finish() -> None:
    tap = tapped(chunk('{"content":"a"}', index=0), chunk('{"content":"b"}', index=1), chunk(finish='"stop"', index=0))
    with pytest.raises(Fault) as caught:
        tap.end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_an_empty_finish_reason_is_none() -> None:
    with pytest.raises(Fault):
        tapped(chunk('{"content":"a"}', finish='""')).end()


@pytest.mark.parametrize("rest", [STOP[:-1], STOP[:-2], b"data:" + STOP[6:-2], STOP[:-2] + b"\r", b"event: x\n" + STOP[:-2]])
def test_a_last_frame_without_its_empty_line(rest: bytes) -> None:
    tap = tapped(ROLE, HELLO)
    assert tap.feed(rest) + tap.end() == rest
    assert tap.done


def test_a_done_without_its_empty_line() -> None:
    tap = tapped(HELLO, STOP)
    assert tap.feed(b"data: [DONE]") + tap.end() == b"data: [DONE]"
    assert tap.done


@pytest.mark.parametrize(
    "rest", [b"d", b"data: ", b"data: {", b"data: [DO", STOP[:-4], b"event: error", b"event: error\ndata: {"]
)
def test_cut_inside_a_frame(rest: bytes) -> None:
    tap = tapped(ROLE, HELLO)
    tap.feed(rest)
    with pytest.raises(Fault) as caught:
        tap.end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_an_unfinished_comment_at_the_end_is_harmless() -> None:
    tap = tapped(HELLO, STOP)
    assert tap.feed(b": keep-alive") + tap.end() == b": keep-alive"
    assert tap.done


@pytest.mark.parametrize("pieces", [(), (b": ping\n\n",), (ROLE,), (ROLE, HELLO), (USAGE,)])
def test_nothing_finished(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(Fault) as caught:
        tapped(*pieces).end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_done_without_any_choice_is_garbage() -> None:
    with pytest.raises(Fault) as caught:
        tapped(USAGE, DONE)
    assert caught.value.kind is Kind.VENDOR_GARBAGE


@pytest.mark.parametrize(
    "piece", [b"data: nonsense\n\n", b"data: [1]\n\n", b"<html>\n\n", b'{"choices":[{"message":{"content":"x"}}]}\n\n']
)
def test_garbage_before_content(piece: bytes) -> None:
    tap = tapped(ROLE)
    with pytest.raises(Fault) as caught:
        tap.feed(piece)
    assert caught.value.kind is Kind.VENDOR_GARBAGE
    assert not tap.content


def test_a_frame_without_end_is_garbage() -> None:
    tap = tapped(ROLE, b"x" * 4 * 1024 * 1024)
    with pytest.raises(Fault) as caught:
        tap.feed(b"x")
    assert caught.value.kind is Kind.VENDOR_GARBAGE


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        (b'data: {"error":{"message":"boom","type":"server_error"}}\n\n', Kind.VENDOR_LIED),
        (
            b'event: error\ndata: {"error":{"message":"boom","code":"tool_use_failed","status_code":400}}\n\n',
            Kind.VENDOR_REFUSED,
        ),
        (chunk('{"content":""}', '"error"', ',"error":{"code":502,"message":"Provider disconnected"}'), Kind.VENDOR_LIED),
        (b'data: {"error":{"code":429,"message":"slow"}}\n\n', Kind.VENDOR_RATE_LIMIT),
        (b'data: {"error":"boom"}\n\n', Kind.VENDOR_LIED),
        (b'data: {"object":"error","message":"boom","code":50001}\n\n', Kind.VENDOR_LIED),
        (b'data: {"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}\n\n', Kind.VENDOR_QUOTA),
        (b'{"error":{"message":"boom"}}\n\n', Kind.VENDOR_LIED),
        (b'data: {"error":{"message":"half \\ud83d"}}\n\n', Kind.VENDOR_LIED),
    ],
)
def test_errors_inside(piece: bytes, kind: Kind) -> None:
    tap = StreamTap(Tapping(stream=True))
    assert tap.feed(piece) == piece, "passed on, so that a client that reads already sees the vendor's words"
    assert tap.fault is not None
    assert tap.fault.kind is kind
    tap.feed(DONE)
    assert not tap.done
    assert tap.end() == b""


@pytest.mark.parametrize("error", ["null", "{}", '""', "false"])
def test_an_empty_error_is_none(error: str) -> None:
    assert tapped(chunk('{"content":"x"}', more=f',"error":{error}')).fault is None


def test_a_plain_json_error_without_any_line_end() -> None:
    tap = StreamTap(Tapping(stream=True))
    body = b'{"error":{"message":"no such model","code":404}}'
    assert tap.feed(body) + tap.end() == body
    assert tap.fault is not None
    assert tap.fault.kind is Kind.VENDOR_NOT_FOUND


def test_keys_in_an_error_do_not_pass() -> None:
    out = StreamTap(Tapping(stream=True)).feed(b'data: {"error":{"message":"bad key sk-abcdefgh12345678"}}\n\n')
    assert b"sk-abc" not in out


def test_usage_on_the_finish_chunk_stays() -> None:
    final = chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}')
    tap = StreamTap(Tapping(stream=True, strip_usage=True))
    assert tap.feed(final) == final
    assert tap.usage == Usage(input=3, output=2)


def test_our_usage_chunk_goes() -> None:
    tap = tapped(ROLE, HELLO, STOP, strip_usage=True)
    assert tap.feed(USAGE) == b""
    assert tap.feed(DONE) == DONE
    assert tap.usage == Usage(input=3, output=2)


def test_usage_in_other_places() -> None:
    usage = '{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}'
    groq = chunk(finish='"stop"', more=f',"x_groq":{{"id":"r","usage":{usage}}}')
    moonshot = chunk(finish=f'"stop","usage":{usage}')
    for final in (groq, moonshot):
        assert tapped(HELLO, final).usage == Usage(input=3, output=2)


def test_running_totals_replace_and_zeros_do_not() -> None:
    def counted(completion: int) -> bytes:
        total = 3 + completion if completion else 0
        return chunk(
            '{"content":"x"}',
            more=f',"usage":{{"prompt_tokens":{3 if total else 0},"completion_tokens":{completion},"total_tokens":{total}}}',
        )

    assert tapped(counted(1), counted(2), counted(5), counted(0)).usage == Usage(input=3, output=5)


def test_many_frames_in_one_piece_and_one_frame_in_many() -> None:
    stream = b": hi\n\n" + ROLE + HELLO + b"event: x\r\ndata: {}\r\n\r\n" + STOP + USAGE + DONE + b": bye\n\n"
    for size in (1, 2, 3, 7, 50, 1000):
        tap = StreamTap(Tapping(stream=True))
        out = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + tap.end()
        assert out == stream
        assert (tap.content, tap.done, tap.usage) == (True, True, Usage(input=3, output=2))


def test_a_frame_whose_first_line_came_before_the_rest() -> None:
    tap = StreamTap(Tapping(stream=True))
    assert tap.feed(b"event: message\n") == b""
    assert tap.feed(HELLO) == b"event: message\n" + HELLO
    assert tap.feed(HELLO) is HELLO


def test_a_carriage_return_before_the_end_of_a_frame() -> None:
    tap = tapped(HELLO[:-2] + b"\r\n\n", STOP, b"data: [DONE]\r\n\n")
    assert (tap.content, tap.done) == (True, True)


def test_completions_are_text() -> None:
    tap = tapped(b'data: {"id":"c","object":"text_completion","choices":[{"text":"Hello","index":0,"finish_reason":null}]}\n\n')
    assert tap.content
    assert tap.counted().output == 1


def test_content_and_a_call_in_one_chunk_are_both_counted() -> None:
    both = tapped(chunk('{"content":"aaaaaaaa","tool_calls":[{"function":{"name":"ffffffff","arguments":"{}"}}]}')).counted()
    text = tapped(chunk('{"content":"aaaaaaaa"}')).counted()
    assert both.output > text.output == 2


PRICED = USAGE.replace(b'"total_tokens":5', b'"total_tokens":5,"cost":0.0001')


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
def test_the_last_usage_event_and_the_end_mark_wait_for_the_cost(size: int) -> None:
    stream = ROLE + HELLO + STOP + USAGE + b": hm\n\n" + DONE
    tap = StreamTap(Tapping(stream=True, show_cost=True))
    before = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + tap.end()
    assert (before, tap.done) == (ROLE + HELLO + STOP, True)
    assert tap.last("0.0001") == PRICED + b": hm\n\n" + DONE
    assert tap.last("0.0001") == b""


def test_usage_without_any_finish_reason_is_the_last_too() -> None:
    """Recorded from OpenRouter: two chunks of a tool call, an empty one with usage, [DONE]."""
    final = chunk(more=',"usage":{"prompt_tokens":3,"completion_tokens":2}')
    tap = StreamTap(Tapping(stream=True, show_cost=True))
    assert tap.feed(ROLE + HELLO + final) == ROLE + HELLO
    assert tap.feed(DONE) == b""
    assert tap.last("1") == chunk(more=',"usage":{"prompt_tokens":3,"completion_tokens":2,"cost":1}') + DONE


def test_what_comes_behind_the_end_mark_stays_there() -> None:
    tap = tapped(ROLE, HELLO, STOP, USAGE + DONE + HELLO, b"\n", show_cost=True)
    assert tap.end() == b""
    assert tap.last("0.0001") == PRICED + DONE + HELLO + b"\n"


def test_only_the_last_of_many_usage_events_is_held() -> None:
    running = chunk('{"content":"x"}', more=',"usage":{"prompt_tokens":3,"completion_tokens":1}')
    final = chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2}')
    tap = StreamTap(Tapping(stream=True, show_cost=True))
    assert tap.feed(running) == running
    assert tap.feed(final) == b""
    assert tap.feed(USAGE) == final, "a later one takes its place"
    assert tap.feed(DONE) == b""
    assert tap.last("0.0001") == PRICED + DONE


def test_a_choice_that_begins_later_lets_all_pass() -> None:
    final = chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2}')
    tap = StreamTap(Tapping(stream=True, show_cost=True))
    assert tap.feed(final + b": hm\n\n") == b""
    other = chunk('{"content":"y"}', index=1)
    assert tap.feed(other) == final + b": hm\n\n" + other
    assert tap.feed(HELLO) is HELLO
    end = chunk(finish='"stop"', index=1)
    assert tap.feed(end + DONE) == end + DONE
    assert tap.last("1") == b""


def test_a_vendor_without_an_end_mark() -> None:
    for end in (b"\n\n", b"\n", b""):
        tap = tapped(ROLE, HELLO, STOP, USAGE[:-2] + end, show_cost=True)
        assert tap.end() == b""
        assert (tap.done, tap.last("0.0001")) == (True, PRICED if end == b"\n\n" else PRICED[:-2] + end)


def test_usage_that_nobody_asked_for_is_left_alone_unless_the_vendor_says_what_it_costs() -> None:
    final = chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2}')
    tap = StreamTap(Tapping(stream=True, strip_usage=True, show_cost=True))
    assert tap.feed(final) == final
    assert tap.last("1") == b""
    dear = chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2,"cost":0.5,"cost_details":{}}')
    tap = StreamTap(Tapping(stream=True, strip_usage=True, show_cost=True))
    assert tap.feed(dear) == b""
    assert tap.last("1") == chunk(finish='"stop"', more=',"usage":{"prompt_tokens":3,"completion_tokens":2,"cost":1}')


def test_no_usage_nothing_waits() -> None:
    tap = StreamTap(Tapping(stream=True, show_cost=True))
    stream = ROLE + HELLO + STOP + DONE
    assert tap.feed(stream) + tap.end() == stream
    assert tap.last("1") == b""
