"""Counting tokens: never streamed, free, and without usage."""

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import NOTHING
from entrepot.dialects.anthropic.counting import AnthropicCount
from entrepot.dialects.anthropic.messages import AnthropicMessages
from tests.shared import corpus, requires_shared

DIALECT = AnthropicCount()
BODY = b'{"model":"claude","messages":[{"role":"user","content":"Hi"}],"stream":true}'


def test_a_count_passes() -> None:
    assert not DIALECT.peek(BODY).stream
    tap = DIALECT.tap(Tapping(stream=False, show_model="public"))
    assert tap.feed(b'{"input_tokens":14}') + tap.end() == b'{"input_tokens":14}'
    assert (tap.done, tap.fault, tap.usage) == (True, None, NOTHING)
    assert tap.counted().output_total == 0


@pytest.mark.parametrize("body", [b'{"input_tokens":"14"}', b'{"input_tokens":null}', b"{}", b'{"content":[]}'])
def test_what_is_no_count(body: bytes) -> None:
    tap = DIALECT.tap(Tapping(stream=False))
    tap.feed(body)
    assert tap.fault is not None
    assert tap.fault.kind is Kind.VENDOR_LIED


def test_it_has_an_answer_of_its_own() -> None:
    assert DIALECT.own_answer(14) == b'{"input_tokens":14}'
    assert AnthropicMessages().own_answer(14) is None


def test_files_are_refused_here_too() -> None:
    with pytest.raises(Fault, match="file_1"):
        DIALECT.peek(BODY.replace(b'"Hi"', b'[{"type":"image","source":{"type":"file","file_id":"file_1"}}]'))


@requires_shared
def test_recorded_counts() -> None:
    found = [record for record in corpus("anthropic_count_tokens") if record["status"] == 200]
    assert found
    for record in found:
        body = b'{"input_tokens":%d}' % record["response_json"]["input_tokens"]
        tap = DIALECT.tap(Tapping(stream=False))
        assert tap.feed(body) + tap.end() == body
        assert tap.done
