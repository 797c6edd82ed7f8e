"""Messages: what a body must have, and what we read of it."""

import json
from typing import Any

import pytest

from entrepot.core.dialect import Changes, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.anthropic.messages import AnthropicMessages
from entrepot.dialects.anthropic.stream import StreamTap
from entrepot.dialects.anthropic.whole import WholeTap

DIALECT = AnthropicMessages()


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "claude", "max_tokens": 100, "messages": []} | fields).encode()


def test_the_few_fields() -> None:
    peek = DIALECT.peek(body(stream=True))
    assert (peek.model, peek.stream, peek.max_output, peek.choices, peek.dropped) == ("claude", True, 100, 1, ())
    assert peek.wants_usage, "usage comes unasked, and nothing is taken out again"
    assert peek.size == len(body(stream=True))
    assert not DIALECT.peek(body()).stream
    assert DIALECT.peek(body(max_tokens=0)).max_output == 0
    assert DIALECT.peek(body(max_tokens="many")).max_output is None
    assert DIALECT.peek(body(speed="fast")).dropped == ("speed",)


@pytest.mark.parametrize(
    ("raw", "kind", "param"),
    [
        (b"", Kind.INVALID_JSON, None),
        (b"[]", Kind.INVALID_JSON, None),
        (b'{"messages":[]}', Kind.MISSING_MODEL, "model"),
        (b'{"model":7,"messages":[]}', Kind.INVALID_FIELD, "model"),
        (b'{"model":"m"}', Kind.INVALID_FIELD, "messages"),
        (b'{"model":"m","messages":{}}', Kind.INVALID_FIELD, "messages"),
        (b'{"model":"m","messages":[],"stream":"yes"}', Kind.INVALID_FIELD, "stream"),
        (b'{"model":"m","messages":[],"container":"c"}', Kind.FOREIGN_OBJECT, "container"),
    ],
)
def test_what_a_body_must_have(raw: bytes, kind: Kind, param: str | None) -> None:
    with pytest.raises(Fault) as caught:
        DIALECT.peek(raw)
    assert (caught.value.kind, caught.value.param) == (kind, param)


def test_the_body_is_sent_as_it_came() -> None:
    assert DIALECT.patch(DIALECT.peek(body()), Changes()) == body().replace(b", ", b",").replace(b": ", b":")


def test_taps() -> None:
    assert isinstance(DIALECT.tap(Tapping(stream=True)), StreamTap)
    assert isinstance(DIALECT.tap(Tapping(stream=False)), WholeTap)


def test_its_words() -> None:
    rendered = DIALECT.render(Fault(Kind.INVALID_KEY), "req_1")
    assert json.loads(rendered.body)["request_id"] == "req_1"
    assert DIALECT.render_late(Fault(Kind.VENDOR_RESET)).startswith(b"event: error\n")
    refusal = DIALECT.refusal(529, (), b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}')
    assert refusal.kind is Kind.VENDOR_OVERLOADED
