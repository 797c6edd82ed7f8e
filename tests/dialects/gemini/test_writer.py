"""Events as generateContent answers."""

from typing import Any

from entrepot.core.ask import Citation, Proof
from entrepot.core.conversion import Writing
from entrepot.core.events import CallBegin, CallDelta, Cited, Counted, Delta, Event, Finish, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.kit import json
from tests.dialects.conversions import SEED, written
from tests.dialects.gemini.asking import DIALECT
from tests.dialects.recordings import payloads

CALLED: list[Event] = [
    Delta("text", "a"),
    CallBegin(0, "c", "f"),
    CallDelta(0, '{"x":'),
    CallDelta(0, "1}"),
    Proved("call", Proof("gemini", "s")),
    Finish("tool_calls"),
    Counted(Usage(input=1, output=2)),
]


def parts(frames: list[dict[str, Any]]) -> list[Any]:
    return [part for frame in frames for candidate in frame["candidates"] for part in candidate["content"]["parts"]]


def test_calls_come_whole_and_the_finish_last() -> None:
    body = written(DIALECT, CALLED, stream=True)
    assert body.count(b"\r\n\r\n") == body.count(b"data: ")
    frames = payloads(body)
    assert parts(frames)[1] == {"functionCall": {"name": "f", "args": {"x": 1}, "id": "c"}, "thoughtSignature": "s"}
    assert frames[-1]["candidates"][0]["finishReason"] == "STOP"
    assert frames[-1]["usageMetadata"]["totalTokenCount"] == 3


def test_an_array_for_those_who_did_not_ask_for_sse() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True, array=True))
    body = writer.feed(CALLED[:1]) + writer.feed(CALLED[1:]) + writer.end()
    assert [len(item["candidates"]) for item in json.decode(body)] == [1, 1, 1]
    assert writer.content_type == b"application/json"


def test_a_whole_answer_with_its_sources_and_cost() -> None:
    writer = DIALECT.writer(Writing(stream=False, seed=SEED, model="m", created=1, wants_usage=True))
    writer.feed([*CALLED, Cited(Citation("https://x", "t", "q", 0, 1))])
    answer = json.decode(writer.end("0.5"))
    assert answer["candidates"][0]["groundingMetadata"]["groundingChunks"] == [{"web": {"uri": "https://x", "title": "t"}}]
    assert answer["usageMetadata"]["cost"] == 0.5


def test_arguments_that_were_cut_off_are_not_lost() -> None:
    answer = json.decode(written(DIALECT, [CallBegin(0, "c", "f"), CallDelta(0, '{"x'), Finish("length")], stream=False))
    assert answer["candidates"][0]["content"]["parts"][0]["functionCall"]["args"] == {"INVALID_JSON": '{"x'}


def test_ends_before_their_time() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    writer.feed([Delta("text", "a")])
    assert payloads(writer.cutoff())[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert b'"error"' in writer.late(Fault(Kind.VENDOR_STALLED))
