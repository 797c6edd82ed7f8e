"""Every recording of Anthropic's dialect through the taps: bytes out are bytes in, and usage is what was recorded."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.core.dialect import Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.anthropic.messages import AnthropicMessages
from tests.dialects.anthropic.recordings import Counted, Recording, answers, events, recorded_usage
from tests.shared import requires_shared

DIALECT = AnthropicMessages()


def tap(recording: Recording, **how: object) -> Tap:
    return DIALECT.tap(Tapping(stream=recording.stream, **how))  # type: ignore[arg-type]


def fed(one: Tap, pieces: list[bytes]) -> bytes:
    return b"".join(map(one.feed, pieces)) + one.end()


def cut(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def facts(one: Tap) -> tuple[object, ...]:
    return one.content, one.done, one.usage, one.counted(), one.fault and one.fault.kind


def frames(body: bytes) -> list[bytes]:
    return [frame + b"\n\n" for frame in body.split(b"\n\n") if frame]


def counted(usage: Usage) -> Counted:
    return Counted(
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.output + usage.reasoning,
        usage.reasoning,
        usage.searches,
        {model: counted(used) for model, used in usage.others},
    )


@requires_shared
@pytest.mark.parametrize("stream", [True, False])
def test_answers_pass_untouched_and_are_counted(stream: bool) -> None:
    count = others = 0
    for recording in answers(stream=stream):
        one = tap(recording)
        pieces = frames(recording.body) if stream else [recording.body]
        assert fed(one, pieces) == recording.body, recording.id
        assert (one.content, one.done, one.fault) == (True, True, None), recording.id
        usage, expected = one.usage, recorded_usage(recording)
        count += 1
        assert usage is not None, recording.id
        assert usage.basis is Basis.VENDOR
        assert expected == counted(usage), recording.id
        others += len(usage.others)
    assert count > (50 if stream else 160)
    assert others > 2


@requires_shared
def test_line_ends_do_not_matter() -> None:
    for recording in answers(stream=True):
        plain, crlf = tap(recording), tap(recording)
        fed(plain, [recording.body])
        body = recording.body.replace(b"\n", b"\r\n")
        assert fed(crlf, [body]) == body
        assert facts(crlf) == facts(plain), recording.id


@requires_shared
def test_the_public_name_is_shown_and_nothing_else_changes() -> None:
    for recording in answers(stream=True):
        before = events(recording.body)
        after = events(fed(tap(recording, show_model='public/"name"'), cut(recording.body, 700)))
        for event in before:
            if "message" in event:
                event["message"]["model"] = 'public/"name"'
        assert after == before, recording.id
    for recording in answers(stream=False):
        out = fed(tap(recording, show_model="public"), [recording.body])
        assert json.loads(out) == json.loads(recording.body) | {"model": "public"}, recording.id


@requires_shared
def test_the_cost_goes_into_the_last_usage_event_and_nothing_else_changes() -> None:
    for recording in answers(stream=True):
        for size in (len(recording.body), 700):
            one = tap(recording, show_cost=True)
            out = fed(one, cut(recording.body, size)) + one.last("0.000012")
            before = events(recording.body)
            if before[-2]["type"] == "message_delta":
                before[-2]["usage"]["cost"] = 0.000012
            assert events(out) == before, recording.id
            plain = tap(recording)
            fed(plain, [recording.body])
            assert facts(one) == facts(plain)
    for recording in answers(stream=False):
        one = tap(recording, show_cost=True)
        assert fed(one, [recording.body]) + one.last("0.5") == recording.body, "no vendor states a cost there"


def short(limit: int, *, stream: bool, most: int = 12) -> list[Recording]:
    """A few of the shortest recordings."""
    found = sorted(answers(stream=stream), key=lambda item: len(item.body))
    return [item for item in found if len(item.body) < limit][:most]


def ended(found: Iterable[Recording]) -> list[Recording]:
    """Those that say in an event of its own why they stopped: steps of a program come whole."""
    return [item for item in found if b"event: message_delta\n" in item.body]


@requires_shared
def test_byte_by_byte_gives_the_same() -> None:
    for recording in short(6_000, stream=True, most=6):
        whole, single = tap(recording, show_model="shown", show_cost=True), tap(recording, show_model="shown", show_cost=True)
        assert fed(single, cut(recording.body, 1)) == fed(whole, [recording.body]), recording.id
        assert single.last("1") == whole.last("1")
        assert facts(single) == facts(whole)


@requires_shared
def test_cut_anywhere_gives_the_same() -> None:
    sample = [item for item in answers(stream=True) if len(item.body) < 100_000]

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        recording = data.draw(st.sampled_from(sample))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(recording.body) - 1), max_size=30)))
        pieces = [recording.body[start:end] for start, end in zip([0, *cuts], [*cuts, len(recording.body)], strict=True)]
        whole, parts = tap(recording), tap(recording)
        assert fed(parts, pieces) == fed(whole, [recording.body]) == recording.body
        assert facts(parts) == facts(whole)

    check()


@requires_shared
def test_a_stream_truncated_anywhere_is_never_clean() -> None:
    for recording in ended(short(5_000, stream=True)):
        at = recording.body.rfind(b"event: message_delta\n")
        finished = recording.body.find(b"}\n", at)
        for end in range(len(recording.body)):
            one = tap(recording)
            if end > finished:  # the stop reason has come: the last event is added
                try:
                    out = fed(one, [recording.body[:end]])
                except Fault as fault:
                    assert fault.kind is Kind.VENDOR_TRUNCATED  # noqa: PT017
                else:
                    assert events(out)[-1] == {"type": "message_stop"}
                continue
            with pytest.raises(Fault) as caught:
                fed(one, [recording.body[:end]])
            assert caught.value.kind is Kind.VENDOR_TRUNCATED, (recording.id, end)
            assert not one.done


@requires_shared
def test_a_cut_between_any_two_events_is_well_formed() -> None:
    """What an SDK relies on: each block that began ends, then a stop reason, then the end."""
    for recording in ended(answers(stream=True)):
        pieces = frames(recording.body)
        for end in {0, 1, len(pieces) // 3, len(pieces) // 2, len(pieces) - 3}:
            one = tap(recording)
            sent = b"".join(map(one.feed, pieces[:end])) + one.cutoff()
            read = events(sent)
            begun = [event["index"] for event in read if event["type"] == "content_block_start"]
            closed = [event["index"] for event in read if event["type"] == "content_block_stop"]
            if sum(event["type"] == "message_start" for event in read) == 1:
                assert begun == closed, (recording.id, end)
            assert [event["type"] for event in read][-2:] == ["message_delta", "message_stop"]
            assert read[0]["type"] == "message_start"


@requires_shared
def test_a_whole_answer_truncated_anywhere_is_a_fault() -> None:
    for recording in short(2_000, stream=False, most=6):
        for end in range(len(recording.body)):
            one = tap(recording)
            with pytest.raises(Fault, match=r"ended before|empty|understood"):
                fed(one, [recording.body[:end]])
            assert not one.done
