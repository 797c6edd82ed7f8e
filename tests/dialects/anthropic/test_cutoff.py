"""Streams that are ended before their time."""

from entrepot.dialects.anthropic.cutoff import STOP, cut_off
from tests.dialects.anthropic.recordings import events

USAGE = {"input_tokens": 5, "output_tokens": 7}


def test_an_open_block_is_closed() -> None:
    out = cut_off(2, USAGE, started=True)
    assert events(out) == [
        {"type": "content_block_stop", "index": 2},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens", "stop_sequence": None}, "usage": USAGE},
        {"type": "message_stop"},
    ]
    assert out.endswith(STOP)
    assert out.startswith(b"event: content_block_stop\ndata: {")


def test_between_two_blocks() -> None:
    assert [event["type"] for event in events(cut_off(None, USAGE, started=True))] == ["message_delta", "message_stop"]


def test_a_message_that_never_began() -> None:
    begun, *rest = events(cut_off(None, USAGE, started=False))
    assert begun["message"]["content"] == []
    assert begun["message"]["usage"] == USAGE
    assert [event["type"] for event in rest] == ["message_delta", "message_stop"]
