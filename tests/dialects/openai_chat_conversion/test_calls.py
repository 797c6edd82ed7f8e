"""Calls in pieces, however a vendor numbers them."""

from typing import Any

from entrepot.core.ask import Proof
from entrepot.core.events import CallBegin, CallDelta, Event, Proved
from entrepot.dialects.openai_chat_conversion.calls import Calls


def told(*pieces: dict[str, Any]) -> list[Event]:
    calls = Calls("seed", 0)
    return [event for piece in pieces for event in calls.take(piece)] + list(calls.end())


def piece(arguments: Any = "", **more: Any) -> dict[str, Any]:
    function = {"arguments": arguments, **({"name": more.pop("name")} if "name" in more else {})}
    return {"function": function, **more}


def test_parallel_calls_by_index() -> None:
    assert told(
        piece(index=0, id="a", name="f"),
        piece(index=1, id="b", name="g"),
        piece('{"x":', index=0),
        piece("{}", index=1),
        piece("1}", index=0),
    ) == [CallBegin(0, "a", "f"), CallBegin(1, "b", "g"), CallDelta(0, '{"x":'), CallDelta(1, "{}"), CallDelta(0, "1}")]


def test_without_index_a_name_begins_and_the_rest_continues() -> None:
    assert told(piece(id="a", name="f"), piece('{"a":1}'), piece(None, id="b", name="g")) == [
        CallBegin(0, "a", "f"),
        CallDelta(0, '{"a":1}'),
        CallBegin(1, "b", "g"),
        CallDelta(1, "{}"),
    ]


def test_a_call_without_id_gets_one() -> None:
    assert told(piece({"a": 1}, index=3, name="f")) == [CallBegin(0, "call_seed_0_0", "f"), CallDelta(0, '{"a":1}')]


def test_gemini_signatures_and_empty_items() -> None:
    extra = {"extra_content": {"google": {"thought_signature": "s"}}}
    assert told(piece("{}", index=0, id="a", name="f", **extra), {}) == [
        CallBegin(0, "a", "f"),
        CallDelta(0, "{}"),
        Proved("call", Proof("gemini", "s"), 0),
    ]


def test_tools_of_free_text() -> None:
    begun = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": "***"}}
    assert told(begun) == [CallBegin(0, "c", "patch", custom=True), CallDelta(0, "***")]
