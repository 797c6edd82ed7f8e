"""Chat completions: what a body must have, and the doors to other tenants' objects."""

import json

import pytest

from entrepot.core.dialect import Changes
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.openai_chat import OpenAIChat
from tests.dialects.recordings import CHAT
from tests.shared import corpus, requires_shared


def body(messages: str, more: str = "") -> bytes:
    return f'{{"model":"m","messages":{messages}{more}}}'.encode()


def test_messages_are_needed() -> None:
    with pytest.raises(Fault) as missing:
        OpenAIChat().peek(b'{"model":"m"}')
    assert (missing.value.kind, missing.value.param) == (Kind.INVALID_FIELD, "messages")
    with pytest.raises(Fault, match="expected an array of objects, but got an object instead"):
        OpenAIChat().peek(body("{}"))


def test_the_model_comes_first() -> None:
    with pytest.raises(Fault) as caught:
        OpenAIChat().peek(b"{}")
    assert caught.value.kind is Kind.MISSING_MODEL


@pytest.mark.parametrize(
    "messages",
    [
        '[{"role":"user","content":[{"type":"text","text":"x"},{"type":"file","file":{"file_id":"file-other"}}]}]',
        '[{"role":"user","content":[{"type":"file","file":{"file\\u005fid":"file-other"}}]}]',
        '[{"role":"user","content":[{"type":"input_file","file_id":"file-other"}]}]',
        '[{"role":"user","content":[{"type":"text","text":7},{"file":{"file_id":"file-other"}}],"x":1},7]',
        '[{"role":"user","content":{"file_id":"file-other"}}]',
        '[{"role":"user","content":"hi"},{"role":"system","content":"fileid://file-other"}]',
        '[{"role":"system","content":"\\u0066ileid:\\/\\/file-other"}]',
    ],
)
def test_files_named_by_id_are_refused(messages: str) -> None:
    with pytest.raises(Fault, match="file-other") as caught:
        OpenAIChat().peek(body(messages))
    assert (caught.value.kind, caught.value.param) == (Kind.FOREIGN_OBJECT, "messages")


@pytest.mark.parametrize(
    "messages",
    [
        "[]",
        '[{"role":"user","content":"what is a \\"file_id\\": \\"file-x\\"?"}]',
        '[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AA=="}}]}]',
        '[{"role":"assistant","content":null,"audio":{"id":"audio_abc"}}]',
        '[{"role":"user","content":[{"type":"file","file":{"file_id":null}}]}]',
        '[{"role":"user"},null,"odd"]',
    ],
)
def test_everything_else_passes(messages: str) -> None:
    dialect = OpenAIChat()
    assert dialect.patch(dialect.peek(body(messages)), Changes()) == body(messages)


def test_messages_that_are_too_deep_even_for_the_slow_look() -> None:
    with pytest.raises(Fault) as caught:
        OpenAIChat().peek(body("[7," + "[" * 50_000 + "]" * 50_000 + "]"))
    assert caught.value.kind is Kind.TOO_DEEP


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_odd_content_at_any_depth_is_an_answer_and_no_accident(opening: str, closing: str) -> None:
    def content(depth: int, inner: str = "1") -> bytes:
        return body('[{"role":"user","content":' + opening * depth + inner + closing * depth + "}]")

    OpenAIChat().peek(content(150))
    for depth in (150, 190):
        with pytest.raises(Fault) as found:
            OpenAIChat().peek(content(depth, '{"file_id":"file-other"}'))
        assert found.value.kind is Kind.FOREIGN_OBJECT
    for depth in (*range(200, 1100, 50), 5000):
        with pytest.raises(Fault) as caught:
            OpenAIChat().peek(content(depth))
        assert (caught.value.kind, caught.value.status) == (Kind.TOO_DEEP, 400), depth


def test_store_is_set_to_false_and_named() -> None:
    dialect = OpenAIChat()
    peek = dialect.peek(body("[]", ',"store":true,"metadata":{"a":"b"}'))
    assert peek.dropped == ("store",)
    assert json.loads(dialect.patch(peek, Changes())) == {"model": "m", "messages": [], "store": False, "metadata": {"a": "b"}}
    for kept in ('"store":false', '"store":null', '"x":1'):
        assert dialect.peek(body("[]", "," + kept)).dropped == ()


@requires_shared
def test_recorded_requests_pass_with_every_value_intact() -> None:
    dialect, seen = OpenAIChat(), 0
    for name in CHAT:
        for record in corpus(name):
            request = record.get("request_json")
            if not isinstance(request, dict) or "messages" not in request or "model" not in request:
                continue
            raw = json.dumps(request).encode()
            if b'"file_id"' in raw:
                with pytest.raises(Fault):
                    dialect.peek(raw)
                continue
            peek = dialect.peek(raw)
            assert (peek.model, peek.stream) == (request["model"], bool(request.get("stream")))
            assert peek.wants_usage is bool(peek.stream and (request.get("stream_options") or {}).get("include_usage"))
            if peek.dropped:
                request["store"] = False
            assert json.loads(dialect.patch(peek, Changes())) == request
            seen += 1
    assert seen > 300
