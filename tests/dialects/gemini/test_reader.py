"""generateContent answers as events."""

import pytest

from entrepot.core.ask import Citation, Media, Proof
from entrepot.core.events import Begin, CallBegin, CallDelta, Cited, Counted, Delta, Failed, Finish, Produced, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from tests.dialects.gemini.asking import events, said


def test_stop_with_a_call_is_a_call() -> None:
    call = {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s"}
    usage = {"promptTokenCount": 2, "candidatesTokenCount": 1}
    assert events(
        said({"text": "a"}), {**said(call, {"functionCall": {"name": "g"}}, finishReason="STOP"), "usageMetadata": usage}
    ) == [
        Begin(),
        Delta("text", "a"),
        CallBegin(0, "call_0123456789abcdef_0_0", "f"),
        Proved("call", Proof("gemini", "s")),
        CallDelta(0, '{"a":1}'),
        CallBegin(1, "call_0123456789abcdef_0_1", "g"),
        CallDelta(1, "{}"),
        Finish("tool_calls"),
        Counted(Usage(input=2, output=1)),
    ]


def test_a_signature_may_come_last_with_empty_text() -> None:
    found = events(said({"text": "hm", "thought": True}), said({"text": "", "thoughtSignature": "s"}, finishReason="STOP"))
    assert found[1:] == [Delta("thinking", "hm"), Proved("text", Proof("gemini", "s")), Finish("stop")]


@pytest.mark.parametrize(("reason", "ours"), [("MAX_TOKENS", "length"), ("SAFETY", "content_filter"), ("OTHER", "stop")])
def test_reasons(reason: str, ours: str) -> None:
    finish = events({"candidates": [{"finishReason": reason}]})[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == ours


def test_a_blocked_prompt_is_filtered() -> None:
    assert events({"promptFeedback": {"blockReason": "SAFETY"}}) == [Begin(), Finish("content_filter")]


def test_arguments_piece_by_piece() -> None:
    begun = {"functionCall": {"name": "f", "partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}], "willContinue": True}}
    more = {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True}}
    found = events(said(begun), said(more), said({"functionCall": {}}, finishReason="STOP"))
    assert [event for event in found if isinstance(event, CallDelta)] == [CallDelta(0, '{"a":"xy"}')]


def test_pictures_and_sources() -> None:
    grounding = {"groundingChunks": [{"web": {"uri": "https://x", "title": "t"}}]}
    picture = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}}
    found = events(said(picture, finishReason="STOP", groundingMetadata=grounding))
    assert found[1:3] == [Produced(Media("image", mime="image/png", data="AAAA")), Cited(Citation("https://x", "t"))]


def test_errors_and_early_ends() -> None:
    failed = events(said({"text": "a"}), {"error": {"code": 503, "message": "no", "status": "UNAVAILABLE"}})[-1]
    assert isinstance(failed, Failed)
    with pytest.raises(Fault) as raised:
        events(said({"text": "a"}))
    assert raised.value.kind is Kind.VENDOR_TRUNCATED
