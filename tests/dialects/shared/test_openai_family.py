"""What the members of the family share: the way from a body to a peek, a tap and a fault."""

import json

import pytest

from entrepot.core.dialect import Changes, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.openai_family import OpenAIFamily
from entrepot.dialects.shared.openai_stream import StreamTap
from entrepot.dialects.shared.openai_whole import WholeTap


class Streaming(OpenAIFamily):
    streams = True


def test_peek() -> None:
    body = (
        b'{"model":"m","stream":true,"stream_options":{"include_usage":true},"n":3,"max_tokens":10,"max_completion_tokens":20}'
    )
    peek = Streaming().peek(body)
    assert (peek.model, peek.stream, peek.wants_usage, peek.choices, peek.max_output) == ("m", True, True, 3, 20)
    assert (peek.size, peek.dropped) == (len(body), ())
    assert list(peek.members) == ["model", "stream", "stream_options", "n", "max_tokens", "max_completion_tokens"]


def test_other_models_that_may_work() -> None:
    """OpenRouter tries them when the first one fails."""
    assert Streaming().others(Streaming().peek(b'{"model":"m","models":["n","o"]}')) == ["n", "o"]
    assert Streaming().others(Streaming().peek(b'{"model":"m"}')) == []


def test_wrong_estimates_are_the_vendors_to_judge() -> None:
    peek = Streaming().peek(b'{"model":"m","n":"3","max_tokens":-1,"stream_options":7}')
    assert (peek.choices, peek.max_output, peek.wants_usage) == (1, None, False)


def test_an_operation_that_never_streams_ignores_the_switch() -> None:
    assert OpenAIFamily().peek(b'{"model":"m","stream":"yes"}').stream is False
    with pytest.raises(Fault, match="'stream': expected a boolean"):
        Streaming().peek(b'{"model":"m","stream":"yes"}')


def test_usage_is_wanted_only_in_streams() -> None:
    assert Streaming().peek(b'{"model":"m","stream_options":{"include_usage":true}}').wants_usage is False


def test_patch_and_peek_together() -> None:
    dialect = Streaming()
    assert dialect.patch(dialect.peek(b'{"a": 1,"model":"m"}'), Changes(model="v")) == b'{"a":1,"model":"v"}'


def test_taps() -> None:
    assert isinstance(Streaming().tap(Tapping(stream=True)), StreamTap)
    assert isinstance(Streaming().tap(Tapping(stream=False)), WholeTap)


def test_faults() -> None:
    dialect = Streaming()
    assert dialect.refusal(401, (), b"").kind is Kind.VENDOR_AUTH
    assert dialect.render(Fault(Kind.UNKNOWN_MODEL)).status == 404
    assert json.loads(dialect.render_late(Fault(Kind.DRAINING))[6:])["error"]["code"] == "draining"
