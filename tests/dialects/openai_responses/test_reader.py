"""Responses answers as events."""

from typing import Any

import pytest

from entrepot.core.ask import Proof
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Failed, Finish, Held, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from tests.dialects.openai_responses.asking import events, frame

CREATED = frame("response.created", response={"id": "r", "model": "m", "created_at": 7})


def added(index: int, **item: Any) -> bytes:
    return frame("response.output_item.added", output_index=index, item=item)


def done(index: int, **item: Any) -> bytes:
    return frame("response.output_item.done", output_index=index, item=item)


def completed(**more: Any) -> bytes:
    usage = {
        "input_tokens": 5,
        "input_tokens_details": {"cached_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
    }
    return frame("response.completed", response={"id": "r", "status": "completed", "usage": usage, **more})


def test_reasoning_words_and_a_call() -> None:
    assert events(
        CREATED,
        added(0, type="reasoning"),
        frame("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="a"),
        frame("response.reasoning_summary_text.delta", output_index=0, summary_index=1, delta="b"),
        done(0, type="reasoning", encrypted_content="e", summary=[]),
        added(1, type="message"),
        frame("response.output_text.delta", output_index=1, delta="hi"),
        done(1, type="message", content=[{"type": "output_text", "text": "hi"}]),
        added(2, type="function_call", call_id="c", name="f"),
        done(2, type="function_call", call_id="c", name="f", arguments=""),
        completed(),
    ) == [
        Begin("r", "m", 7),
        Delta("thinking", "a"),
        Delta("thinking", "\n\nb"),
        Proved("thinking", Proof("openai_responses", "e")),
        Delta("text", "hi"),
        CallBegin(0, "c", "f"),
        CallDelta(0, "{}"),
        Counted(Usage(input=3, cache_read=2, output=3, reasoning=1)),
        Finish("tool_calls"),
    ]


def test_an_item_without_deltas_is_read_when_it_is_done() -> None:
    found = events(CREATED, done(0, type="message", content=[{"type": "output_text", "text": "hi"}]), completed())
    assert Delta("text", "hi") in found


def test_calls_side_by_side() -> None:
    found = events(
        CREATED,
        added(0, type="function_call", call_id="a", name="f"),
        added(1, type="custom_tool_call", call_id="b", name="p"),
        frame("response.custom_tool_call_input.delta", output_index=1, delta="***"),
        frame("response.function_call_arguments.delta", output_index=0, delta="{}"),
        done(0, type="function_call", arguments="{}"),
        done(1, type="custom_tool_call", input="***"),
        completed(),
    )
    assert found[1:5] == [CallBegin(0, "a", "f"), CallBegin(1, "b", "p", custom=True), CallDelta(1, "***"), CallDelta(0, "{}")]


@pytest.mark.parametrize(("reason", "ours"), [("max_output_tokens", "length"), ("content_filter", "content_filter")])
def test_why_it_is_incomplete(reason: str, ours: str) -> None:
    finish = events(CREATED, frame("response.incomplete", response={"incomplete_details": {"reason": reason}}))[-1]
    assert isinstance(finish, Finish)
    assert finish.reason == ours


@pytest.mark.parametrize(
    "last",
    [
        frame("error", code="server_error", message="no", sequence_number=3),
        frame("error", error={"type": "server_error", "message": "no"}),
        frame("response.failed", response={"status": "failed", "error": {"code": "server_error", "message": "no"}}),
    ],
)
def test_errors_nested_and_not(last: bytes) -> None:
    assert any(isinstance(event, Failed) for event in events(CREATED, last))


def test_server_items_are_held_and_early_ends_are_faults() -> None:
    assert any(isinstance(event, Held) for event in events(CREATED, done(0, type="web_search_call", id="w"), completed()))
    with pytest.raises(Fault) as raised:
        events(CREATED)
    assert raised.value.kind is Kind.VENDOR_TRUNCATED
