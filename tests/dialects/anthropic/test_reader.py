"""Messages answers as events."""

import pytest

from entrepot.core.ask import Proof
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Failed, Finish, Held, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from tests.dialects import conversions
from tests.dialects.anthropic.asking import DIALECT

_COUNT = '{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}'
START = '{"type":"message_start","message":{"id":"m","model":"c","usage":' + _COUNT + "}}"
STOP = '{"type":"message_delta","delta":{"stop_reason":"%s"},"usage":{"output_tokens":7}}'
END = '{"type":"message_stop"}'


def read(*payloads: str) -> list[Event]:
    body = "".join(f"event: x\ndata: {payload}   \n\n" for payload in payloads)
    return conversions.events_of(DIALECT, body.encode(), stream=True)


def test_running_totals_replace_and_pings_are_nothing() -> None:
    events = read(START, '{"type":"ping"}', STOP % "end_turn", END)
    assert events == [
        Begin("m", "c", usage=Usage(input=3, cache_read=4, output=1)),
        Counted(Usage(input=3, cache_read=4, output=7)),
        Finish("stop"),
    ]


def test_a_call_without_arguments_has_an_empty_object() -> None:
    block = '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}'
    empty = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":""}}'
    events = read(START, block, empty, '{"type":"content_block_stop","index":0}', STOP % "tool_use", END)
    assert events[1:3] == [CallBegin(0, "t", "f"), CallDelta(0, "{}")]
    assert events[-1] == Finish("tool_calls")


def test_signatures_and_hidden_thinking() -> None:
    thought = '{"type":"content_block_delta","index":0,"delta":{"type":"%s","%s":"x"}}'
    hidden = '{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"d"}}'
    events = read(
        START,
        thought % ("thinking_delta", "thinking"),
        thought % ("signature_delta", "signature"),
        hidden,
        STOP % "end_turn",
        END,
    )
    assert events[1:4] == [
        Delta("thinking", "x"),
        Proved("thinking", Proof("anthropic", "x")),
        Proved("thinking", Proof("anthropic", "redacted:d")),
    ]


def test_blocks_of_server_tools_are_held_whole() -> None:
    tool = '{"type":"server_tool_use","id":"s","name":"web_search","input":{}}'
    block = '{"type":"content_block_start","index":0,"content_block":' + tool + "}"
    piece = '{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"q\\":1}"}}'
    (held,) = [
        event
        for event in read(START, block, piece, '{"type":"content_block_stop"}', STOP % "pause_turn", END)
        if isinstance(event, Held)
    ]
    assert b'"input":{"q":1}' in bytes(held.native.raw)


def test_errors_and_early_ends() -> None:
    events = read(START, '{"type":"error","error":{"type":"overloaded_error","message":"no"}}')
    assert isinstance(events[-1], Failed)
    assert events[-1].fault.kind is Kind.VENDOR_OVERLOADED
    with pytest.raises(Fault) as raised:
        read(START)
    assert raised.value.kind is Kind.VENDOR_TRUNCATED
