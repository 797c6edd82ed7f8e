"""Whole answers, in one piece and in many."""

import json

import pytest

from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.shared.openai_whole import WholeTap
from entrepot.dialects.shared.whole import TAIL

ANSWER = (
    b'{"id":"c","model":"vendor","choices":[{"index":0,"message":{"role":"assistant","content":"Hello there, how are you?"},'
    b'"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":7,"total_tokens":10}}'
)


def whole(show: str | None = None, member: str = "choices", **how: object) -> WholeTap:
    return WholeTap(Tapping(stream=False, show_model=show), member, **how)  # type: ignore[arg-type]


def test_one_piece() -> None:
    tap = whole()
    assert tap.feed(ANSWER) is ANSWER
    assert tap.end() == b""
    assert (tap.content, tap.done, tap.fault, tap.usage) == (True, True, None, Usage(input=3, output=7))


@pytest.mark.parametrize(
    ("message", "empty"),
    [
        (b'{"content":"x"}', False),
        (b'{"content":"","reasoning_content":"x"}', False),
        (b'{"content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}', False),
        (b'{"content":null,"audio":{"id":"a","data":"AAAA"}}', False),
        (b'{"content":null,"refusal":"no"}', False),
        (b'{"content":[{"type":"text","text":"x"}]}', False),
        (b'{"role":"assistant","content":""}', True),
        (b'{"content":null,"tool_calls":[],"reasoning":null}', True),
    ],
)
def test_an_answer_may_be_empty(message: bytes, empty: bool) -> None:
    tap = whole()
    assert tap.empty, "nothing has come yet"
    tap.feed(b'{"choices":[{"index":0,"message":' + message + b',"finish_reason":"stop"}]}')
    assert (tap.done, tap.empty) == (True, empty)


def test_what_is_no_text_is_empty_until_it_is_there() -> None:
    tap = whole(member="data")
    assert tap.empty
    tap.feed(b'{"data":[{"embedding":[0.5]}]}')
    assert not tap.empty


def test_counted_where_the_vendor_does_not() -> None:
    tap = whole()
    tap.feed(ANSWER[: ANSWER.index(b',"usage"')] + b"}")
    assert tap.usage is None
    assert tap.counted() == Usage(output=6, basis=Basis.COUNTED)


def test_the_name_is_shown() -> None:
    assert json.loads(whole("public").feed(ANSWER)) == {**json.loads(ANSWER), "model": "public"}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Kind.VENDOR_TRUNCATED),
        (b"  ", Kind.VENDOR_TRUNCATED),
        (ANSWER[:-1], Kind.VENDOR_TRUNCATED),
        (b"<html></html>", Kind.VENDOR_GARBAGE),
        (b"[]", Kind.VENDOR_GARBAGE),
        (b'{"choices":[],}', Kind.VENDOR_GARBAGE),
    ],
)
def test_what_is_no_answer(body: bytes, kind: Kind) -> None:
    tap = whole()
    with pytest.raises(Fault) as caught:
        tap.feed(body)
    assert caught.value.kind is kind
    assert not tap.content


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b'{"error":{"message":"boom"}}', Kind.VENDOR_LIED, "boom"),
        (b'{"error":{"message":"slow down","code":429}}', Kind.VENDOR_RATE_LIMIT, "slow down"),
        (b'{"choices":null,"base_resp":{"status_code":1004,"status_msg":"login fail"}}', Kind.VENDOR_LIED, "login fail"),
        (b'{"detail":"nobody home"}', Kind.VENDOR_LIED, "nobody home"),
        (b"{}", Kind.VENDOR_LIED, "without an answer"),
        (b'{"choices":"none"}', Kind.VENDOR_LIED, "without an answer"),
    ],
)
def test_a_200_that_lies(body: bytes, kind: Kind, says: str) -> None:
    tap = whole()
    assert tap.feed(body) + tap.end() == body
    assert tap.fault is not None
    assert tap.fault.kind is kind
    assert says in tap.fault.message
    assert not tap.content


def test_an_error_beside_an_answer_does_not_hide_it() -> None:
    tap = whole()
    tap.feed(ANSWER[:-1] + b',"error":null}')
    assert tap.fault is None


@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud83d"', b'"a\tb"'])
def test_what_a_strict_parser_refuses_passes(odd: bytes) -> None:
    body = ANSWER[:-1] + b',"odd":' + odd + b"}"
    tap = whole()
    assert tap.feed(body) == body
    assert tap.usage == Usage(input=3, output=7)


def test_groqs_usage() -> None:
    tap = whole()
    tap.feed(b'{"choices":[],"x_groq":{"id":"r","usage":{"prompt_tokens":3,"completion_tokens":7,"total_tokens":10}}}')
    assert tap.usage == Usage(input=3, output=7)


@pytest.mark.parametrize("usage", [b"null", b"[]", b"{}", b'"x"', b'{"prompt_tokens":0,"completion_tokens":0}'])
def test_no_usage(usage: bytes) -> None:
    tap = whole()
    tap.feed(b'{"choices":[],"usage":' + usage + b"}")
    assert tap.usage is None


def test_unmetered_answers_have_no_usage_to_wait_for() -> None:
    tap = whole(member="results", metered=False)
    tap.feed(b'{"id":"m","results":[]}')
    assert tap.done
    assert tap.usage is not None
    assert tap.usage.basis is Basis.NONE


def _embeddings(size: int, head: bytes = b"", tail: bytes = b',"model":"vendor"') -> bytes:
    vectors = b",".join([b'{"object":"embedding","index":0,"embedding":[0.125,0.25]}'] * (size // 57))
    return b'{"object":"list"' + head + b',"data":[' + vectors + b"]" + tail + b',"usage":{"prompt_tokens":9,"total_tokens":9}}'


@pytest.mark.parametrize("at_head", [True, False])
@pytest.mark.parametrize("piece", [70_000, 64 * 1024, 1_000])
def test_a_large_answer_in_pieces(at_head: bool, piece: int) -> None:
    name = b',"model":"vendor"'
    body = _embeddings(300_000, *((name, b"") if at_head else (b"", name)))
    tap = whole("public", "data", limit=100_000)
    pieces = [body[:100_001], *(body[at : at + piece] for at in range(100_001, len(body), piece))]
    out = b"".join(map(tap.feed, pieces)) + tap.end()
    assert out == body.replace(b'"vendor"', b'"public"')
    assert (tap.content, tap.done, tap.usage) == (True, True, Usage(input=9))


def test_a_large_answer_keeps_little() -> None:
    tap = whole(member="data", limit=100_000)
    body = _embeddings(1_000_000)
    assert len(body) - len(tap.feed(body)) == TAIL


def test_a_large_answer_cut_short() -> None:
    tap = whole(member="data", limit=100_000)
    tap.feed(_embeddings(300_000)[:-5])
    with pytest.raises(Fault) as caught:
        tap.end()
    assert caught.value.kind is Kind.VENDOR_TRUNCATED


def test_a_large_answer_without_usage() -> None:
    tap = whole(member="data", limit=1000)
    tap.feed(b'{"data":[' + b"1," * 5000 + b"1]}")
    tap.end()
    assert (tap.done, tap.usage) == (True, None)


def test_usage_with_details_at_the_end_of_a_large_answer() -> None:
    usage = (
        b'{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{}}'
    )
    tap = whole(limit=1000)
    tap.feed(b'{"choices":["' + b"x" * 5000 + b'"],"usage":' + usage + b',"service_tier":"default"}')
    tap.end()
    assert tap.usage == Usage(input=6, cache_read=3, output=4)
