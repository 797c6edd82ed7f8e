"""Events as Messages answers: blocks never overlap, every block ends, usage comes last."""

from entrepot.core.ask import Proof
from entrepot.core.conversion import Writing
from entrepot.core.events import Begin, CallBegin, CallDelta, Counted, Delta, Event, Finish, Proved
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.kit import json, sse
from tests.dialects.anthropic.asking import DIALECT
from tests.dialects.conversions import SEED, written


def frames(*events: Event) -> list[tuple[str, dict[str, object]]]:
    out = []
    for frame in sse.Splitter().feed(written(DIALECT, events, stream=True)):
        event = sse.read(frame)
        assert event.name is not None
        assert event.data is not None
        fields = json.decode(event.data)
        assert fields["type"] == event.name.decode()
        out.append((fields["type"], fields))
    return out


def test_the_order_that_sdks_dispatch_on() -> None:
    said = frames(
        Begin(usage=Usage(input=5)),
        Delta("thinking", "a"),
        Proved("thinking", Proof("anthropic", "s")),
        Delta("text", "b"),
        Finish("stop"),
        Counted(Usage(input=5, output=2)),
    )
    assert [kind for kind, _ in said] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert said[-2][1]["usage"]["output_tokens"] == 2  # type: ignore[index]


def test_calls_side_by_side_become_one_after_the_other() -> None:
    said = frames(
        CallBegin(0, "a", "f"),
        CallDelta(0, '{"x":'),
        CallBegin(1, "b", "g"),
        CallDelta(1, "{}"),
        CallDelta(0, "1}"),
        Finish("tool_calls"),
    )
    arguments: dict[int, str] = {}
    open_block = -1
    for kind, fields in said:
        if kind == "content_block_start":
            assert open_block == -1
            open_block = fields["index"]  # type: ignore[assignment]
            arguments[open_block] = ""
        elif kind == "content_block_delta":
            assert fields["index"] == open_block
            arguments[open_block] += fields["delta"]["partial_json"]  # type: ignore[index]
        elif kind == "content_block_stop":
            open_block = -1
    assert arguments == {0: '{"x":1}', 1: "{}"}


def test_a_complete_call_does_not_hold_up_the_next_one() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    assert b'"name":"g"' in writer.feed([CallBegin(0, "a", "f"), CallDelta(0, "{}"), CallBegin(1, "b", "g")])


def test_foreign_proofs_say_nothing() -> None:
    assert b"signature_delta" not in written(
        DIALECT, [Delta("thinking", "a"), Proved("thinking", Proof("gemini", "s")), Finish("stop")], stream=True
    )


def test_ends_before_their_time() -> None:
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    writer.feed([Delta("text", "a")])
    assert b'"stop_reason":"max_tokens"' in writer.cutoff()
    writer = DIALECT.writer(Writing(stream=True, seed=SEED, model="m", created=1, wants_usage=True))
    assert writer.late(Fault(Kind.VENDOR_STALLED)).startswith(b"event: error\n")


def test_a_stop_sequence_is_told() -> None:
    message = json.decode(written(DIALECT, [Delta("text", "a"), Finish("stop", "END")], stream=False))
    assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "END")
