"""Whole answers: bytes out are bytes in, usage is read, errors are found."""

import json

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.anthropic.whole import WholeTap

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-vendor",
    "content": [
        {"type": "text", "text": "Hello " * 10},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"model": "x"}},
    ],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 20},
}
BODY = json.dumps(MESSAGE).encode()


def fed(body: bytes, show: str | None = None) -> tuple[WholeTap, bytes]:
    tap = WholeTap(Tapping(stream=False, show_model=show), "content")
    return tap, tap.feed(body) + tap.end()


def test_an_answer() -> None:
    tap, out = fed(BODY)
    assert out == BODY
    assert (tap.content, tap.done, tap.fault, tap.usage) == (True, True, None, Usage(input=10, output=20))
    assert 50 < tap.counted().output < 80
    assert not tap.empty


def test_the_models_name_and_nothing_else() -> None:
    _, out = fed(BODY, show="public")
    assert json.loads(out) == MESSAGE | {"model": "public"}


def test_an_answer_without_content_is_one() -> None:
    tap, _ = fed(b'{"type":"message","content":[],"model":"m","stop_reason":"max_tokens"}')
    assert (tap.done, tap.usage, tap.counted().output_total, tap.empty) == (True, None, 0, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', Kind.VENDOR_OVERLOADED),
        (b'{"type":"error","error":{"type":"api_error","message":"x"}}', Kind.VENDOR_LIED),
        (b'{"type":"message"}', Kind.VENDOR_LIED),
        (b'{"content":"text"}', Kind.VENDOR_LIED),
    ],
)
def test_errors_inside_a_200(body: bytes, kind: Kind) -> None:
    tap = WholeTap(Tapping(stream=False), "content")
    tap.feed(body)
    assert tap.fault is not None
    assert tap.fault.kind is kind


@pytest.mark.parametrize(("body", "kind"), [(b"", Kind.VENDOR_TRUNCATED), (b"<html>", Kind.VENDOR_GARBAGE)])
def test_what_is_no_answer(body: bytes, kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        fed(body)
    assert caught.value.kind is kind


def test_a_vendors_own_cost_is_replaced() -> None:
    body = BODY.replace(b'"output_tokens": 20', b'"output_tokens": 20, "cost": 0.5')
    tap = WholeTap(Tapping(stream=False, show_cost=True), "content")
    assert tap.feed(body) + tap.end() == b""
    assert json.loads(tap.last("0.000012"))["usage"]["cost"] == 0.000012


def test_a_large_answer_comes_in_pieces() -> None:
    body = BODY.replace(b"Hello", b"Hello" * 20_000)
    tap = WholeTap(Tapping(stream=False), "content", limit=1000)
    out = tap.feed(body[:2000]) + tap.feed(body[2000:]) + tap.end()
    assert out == body
    assert tap.usage == Usage(input=10, output=20)
