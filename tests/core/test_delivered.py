"""What was delivered is counted on the events."""

from entrepot.core.delivered import Delivered
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Failed, Finish, Scored
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage


def told(*events: Event) -> Delivered:
    delivered = Delivered()
    for event in events:
        delivered.note(event)
    return delivered


def test_words_reasoning_and_calls_count_apart() -> None:
    counted = told(
        Begin(), Delta("thinking", "x" * 40), Delta("text", "y" * 80), CallBegin(0, "c", "name"), CallDelta(0, "{}")
    ).counted()
    assert counted.basis is Basis.COUNTED
    assert (counted.reasoning, counted.output) == (10, 20 + 2 + 8)


def test_content_begins_with_words_a_call_or_an_empty_end() -> None:
    assert not told(Begin(), Scored(())).content
    assert told(Delta("thinking", "a")).content
    assert told(CallBegin(0, "c", "f")).content
    assert told(Finish("stop")).content
    assert told(Finish("stop")).empty
    assert not told(Delta("refusal", "a")).empty


def test_the_vendors_count_and_error_are_kept() -> None:
    fault = Fault(Kind.VENDOR_LIED)
    delivered = told(Begin(usage=Usage(input=3)), Counted(Usage(input=3, output=5)), Failed(fault))
    assert delivered.usage == Usage(input=3, output=5)
    assert delivered.fault is fault
