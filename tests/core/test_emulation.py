"""What a request pretended is undone on the answer's events."""

from entrepot.core.conversion import Written
from entrepot.core.emulation import Emulation
from entrepot.core.events import CallBegin, CallDelta, Delta, Event, Finish


def undone(written: Written, *events: Event) -> list[Event]:
    emulation = Emulation(written)
    return [out for event in events for out in emulation.undo([event])]


def test_nothing_to_undo() -> None:
    assert not Emulation.needed(Written(b""))
    assert Emulation.needed(Written(b"", renamed={"a_b": "a.b"}))


def test_names_come_back() -> None:
    written = Written(b"", renamed={"a_b": "a.b"})
    assert undone(written, CallBegin(0, "c", "a_b"), CallDelta(0, "{}"), Finish("tool_calls")) == [
        CallBegin(0, "c", "a.b"),
        CallDelta(0, "{}"),
        Finish("tool_calls"),
    ]


def test_a_forced_answer_is_the_answer() -> None:
    events = [CallBegin(0, "c", "answer"), CallDelta(0, '{"a":'), CallDelta(0, "1}"), Finish("tool_calls")]
    assert undone(Written(b"", answer_tool="answer"), *events) == [Delta("text", '{"a":'), Delta("text", "1}"), Finish("stop")]


def test_beside_the_forced_answer_other_calls_stay_calls() -> None:
    events = [CallBegin(0, "c", "answer"), CallDelta(0, "{}"), CallBegin(1, "d", "f"), CallDelta(1, "{}"), Finish("tool_calls")]
    assert undone(Written(b"", answer_tool="answer"), *events)[-1] == Finish("tool_calls")


def test_free_text_is_unpacked_when_it_is_whole() -> None:
    written = Written(b"", custom=frozenset(("patch",)))
    events = [CallBegin(0, "c", "patch"), CallDelta(0, '{"inp'), CallDelta(0, 'ut":"*** a\\n"}'), Finish("tool_calls")]
    assert undone(written, *events) == [CallBegin(0, "c", "patch", custom=True), CallDelta(0, "*** a\n"), Finish("tool_calls")]


def test_free_text_in_another_shape_goes_as_it_is() -> None:
    written = Written(b"", custom=frozenset(("patch",)))
    assert undone(written, CallBegin(0, "c", "patch"), CallDelta(0, "broken"), Finish("length"))[1] == CallDelta(0, "broken")
