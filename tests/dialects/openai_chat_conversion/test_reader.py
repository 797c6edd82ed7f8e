"""Chat completions as events: every recording, however it is cut, and what vendors do differently."""

import pytest

from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Failed, Finish
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.openai_chat_conversion import OpenAIChatConversion
from tests.dialects import conversions, recordings
from tests.shared import requires_shared

DIALECT = OpenAIChatConversion()


def read(*chunks: str) -> list[object]:
    body = "".join(f"data: {chunk}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return list(conversions.events_of(DIALECT, body.encode(), stream=True))


@requires_shared
@pytest.mark.parametrize("name", recordings.CHAT)
def test_recordings_are_read_alike_however_they_are_cut(name: str) -> None:
    for recording in recordings.answers(name, stream=True):
        conversions.check_cuts(DIALECT, recording.body)
        conversions.check_truncated(DIALECT, recording.body)


@requires_shared
@pytest.mark.parametrize("name", recordings.CHAT)
def test_recordings_survive_being_written_again(name: str) -> None:
    for stream in (True, False):
        for recording in recordings.answers(name, stream=stream):
            conversions.check_rewrites(DIALECT, conversions.events_of(DIALECT, recording.body, stream=stream))


@requires_shared
@pytest.mark.parametrize("name", recordings.CHAT)
def test_usage_is_the_recorded_one(name: str) -> None:
    for stream in (True, False):
        for recording in recordings.answers(name, stream=stream):
            counted = recordings.recorded_usage(recording)
            usage = conversions.summary(conversions.events_of(DIALECT, recording.body, stream=stream)).usage
            if counted is None:
                assert usage is None, recording.id
            else:
                assert usage is not None, recording.id
                assert (usage.prompt_total, usage.output_total) == (counted.prompt, counted.output), recording.id


def test_a_call_without_index_in_the_last_chunk() -> None:
    events = read(
        '{"id":"x","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"id":"a","function":{"name":"f",'
        '"arguments":{"b":1}}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}'
    )
    assert events == [
        Begin("x", "m"),
        CallBegin(0, "a", "f"),
        CallDelta(0, '{"b":1}'),
        Finish("tool_calls"),
        Counted(Usage(input=2, output=3)),
    ]


def test_calls_that_share_an_index_stay_apart_and_empty_ids_continue() -> None:
    events = read(
        '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}',
        '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"","function":{"arguments":"{}"}}]}}]}',
        '{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":null}}]}}]}',
        '{"choices":[{"delta":{},"finish_reason":"stop"}]}',
    )
    assert events == [
        Begin(),
        CallBegin(0, "a", "f"),
        CallDelta(0, "{}"),
        CallBegin(1, "b", "g"),
        CallDelta(1, "{}"),
        Finish("tool_calls"),
    ]


def test_an_error_inside_is_an_event() -> None:
    body = b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\ndata: {"error":{"message":"no"}}\n\n'
    events = conversions.events_of(DIALECT, body, stream=True)
    assert events[:2] == [Begin(), Delta("text", "a")]
    assert isinstance(events[2], Failed)


@pytest.mark.parametrize("body", [b"data: [1]\n\n", b"data: no\n\n", b"data: [DONE]\n\n"])
def test_garbage_is_a_fault(body: bytes) -> None:
    with pytest.raises(Fault) as raised:
        conversions.events_of(DIALECT, body, stream=True)
    assert raised.value.kind is Kind.VENDOR_GARBAGE
