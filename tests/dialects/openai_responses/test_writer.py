"""Events as Responses answers: numbered without a gap, and everything again at the end."""

from entrepot.core.ask import Proof
from entrepot.core.call import Peek
from entrepot.core.conversion import Writing
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Finish, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.kit import json
from entrepot.kit.json import Raw
from tests.dialects.conversions import SEED, written
from tests.dialects.openai_responses.asking import DIALECT, frames

EVENTS: list[Event] = [
    Begin(created=9),
    Delta("thinking", "hm"),
    Proved("thinking", Proof("anthropic", "s")),
    Delta("text", "a"),
    CallBegin(0, "c", "f"),
    CallBegin(1, "d", "g"),
    CallDelta(1, "{}"),
    CallDelta(0, '{"x":1}'),
    Finish("tool_calls"),
    Counted(Usage(input=1, output=2)),
]


def test_numbers_items_and_the_end() -> None:
    said = frames(written(DIALECT, EVENTS, stream=True))
    assert [fields["sequence_number"] for fields in said] == list(range(len(said)))
    assert [fields["type"] for fields in said[:2]] == ["response.created", "response.in_progress"]
    response = said[-1]["response"]
    assert said[-1]["type"] == "response.completed"
    assert [item["type"] for item in response["output"]] == ["reasoning", "message", "function_call", "function_call"]
    assert response["output"][0]["encrypted_content"] == "entrepot:anthropic:s"
    assert response["output"][2]["arguments"] == '{"x":1}'
    assert (response["usage"]["total_tokens"], response["created_at"]) == (3, 9)
    done = [fields["item"] for fields in said if fields["type"] == "response.output_item.done"]
    assert sorted(item["id"] for item in done) == sorted(item["id"] for item in response["output"])


def test_a_whole_answer_is_what_a_stream_ends_with() -> None:
    whole = json.decode(written(DIALECT, EVENTS, stream=False))
    assert whole == frames(written(DIALECT, EVENTS, stream=True))[-1]["response"]


def test_the_request_is_repeated_but_not_at_any_length() -> None:
    members = {"temperature": Raw(b"0.5"), "instructions": Raw(b'"' + b"x" * 5000 + b'"')}
    peek = Peek("m", stream=False, members=members)
    writer = DIALECT.writer(Writing(stream=False, seed=SEED, model="m", created=1, wants_usage=True, peek=peek))
    writer.feed([Delta("text", "a"), Finish("length")])
    answer = json.decode(writer.end("0.25"))
    assert (answer["temperature"], answer["instructions"]) == (0.5, None)
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_ends_before_their_time() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    first = writer.feed([Delta("text", "a")])
    assert frames(first + writer.cutoff())[-1]["response"]["status"] == "incomplete"
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    said = frames(writer.feed([Delta("text", "a")]) + writer.late(Fault(Kind.VENDOR_STALLED)))
    assert [fields["type"] for fields in said[-2:]] == ["error", "response.failed"]
