"""Every recording of OpenAI's family through the taps: bytes out are bytes in, and usage is what was recorded."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.core.dialect import Tap, Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage
from entrepot.dialects.catalogue import load_dialects
from tests.dialects.recordings import (
    FILES,
    Recording,
    answers,
    payloads,
    recorded_usage,
    recordings,
)
from tests.shared import requires_shared

DIALECTS = load_dialects()
STREAMED = [name for name, operation in FILES.items() if operation != "embeddings"]


def fed(tap: Tap, pieces: list[bytes]) -> bytes:
    return b"".join(map(tap.feed, pieces)) + tap.end()


def facts(tap: Tap) -> tuple[object, ...]:
    return tap.content, tap.done, tap.usage, tap.counted(), tap.fault and tap.fault.kind


def agrees(usage: Usage | None, recording: Recording) -> None:
    expected = recorded_usage(recording)
    if expected is None:
        assert usage is None, recording.id
        return
    assert usage is not None, recording.id
    assert usage.basis is Basis.VENDOR
    assert usage.prompt_total == expected.prompt, recording.id
    assert usage.output_total == expected.output, recording.id
    assert usage.cache_read == expected.cached, recording.id
    assert usage.reasoning == expected.reasoning, recording.id
    assert (usage.audio_input, usage.audio_output) == (expected.audio_in, expected.audio_out), recording.id
    assert min(usage.kinds().values()) > 0


def test_every_operation_has_its_dialect() -> None:
    assert {operation: dialect.name for operation, dialect in DIALECTS.items()} == {
        "chat": "openai_chat",
        "completions": "openai_completions",
        "embeddings": "openai_embeddings",
        "moderations": "openai_moderations",
        "messages": "anthropic_messages",
        "count_tokens": "anthropic_count_tokens",
        "generate": "gemini_generate",
        "generate_count": "gemini_count_tokens",
        "responses": "openai_responses",
    }


@requires_shared
def test_the_recordings_are_there() -> None:
    counts = {name: sum(1 for _ in recordings(name)) for name in FILES}
    assert min(counts.values()) > 0, counts
    assert sum(counts.values()) > 400


@requires_shared
@pytest.mark.parametrize("name", STREAMED)
def test_streams_pass_untouched_and_are_counted(name: str) -> None:
    for recording in answers(name, stream=True):
        tap = DIALECTS[FILES[name]].tap(Tapping(stream=True))
        frames = [frame + b"\n\n" for frame in recording.body.split(b"\n\n") if frame]
        assert fed(tap, frames) == recording.body, recording.id
        assert (tap.content, tap.done, tap.fault) == (True, True, None), recording.id
        agrees(tap.usage, recording)


@requires_shared
@pytest.mark.parametrize("name", FILES)
def test_whole_answers_pass_untouched_and_are_counted(name: str) -> None:
    for recording in answers(name, stream=False):
        tap = DIALECTS[FILES[name]].tap(Tapping(stream=False))
        assert fed(tap, [recording.body]) == recording.body, recording.id
        assert (tap.content, tap.done, tap.fault) == (True, True, None), recording.id
        agrees(tap.usage, recording)


@requires_shared
@pytest.mark.parametrize("name", STREAMED)
def test_line_ends_do_not_matter(name: str) -> None:
    for recording in answers(name, stream=True):
        plain, crlf = (DIALECTS["chat"].tap(Tapping(stream=True)) for _ in range(2))
        fed(plain, [recording.body])
        body = recording.body.replace(b"\n", b"\r\n")
        assert fed(crlf, [body]) == body
        assert facts(crlf) == facts(plain), recording.id


@requires_shared
@pytest.mark.parametrize("name", STREAMED)
def test_the_public_name_is_shown_and_nothing_else_changes(name: str) -> None:
    for recording in answers(name, stream=True):
        tap = DIALECTS["chat"].tap(Tapping(stream=True, show_model='public/"name"'))
        before = payloads(recording.body)
        after = payloads(fed(tap, [recording.body]))
        for payload in before:
            if "model" in payload:
                payload["model"] = 'public/"name"'
        assert after == before, recording.id


@requires_shared
@pytest.mark.parametrize("name", FILES)
def test_the_public_name_in_whole_answers(name: str) -> None:
    for recording in answers(name, stream=False):
        tap = DIALECTS[FILES[name]].tap(Tapping(stream=False, show_model="public"))
        before, after = json.loads(recording.body), json.loads(fed(tap, [recording.body]))
        if "model" in before:
            before["model"] = "public"
        assert after == before, recording.id


@requires_shared
@pytest.mark.parametrize("name", STREAMED)
def test_our_own_usage_chunk_is_taken_out(name: str) -> None:
    for recording in answers(name, stream=True):
        tap = DIALECTS["chat"].tap(Tapping(stream=True, strip_usage=True))
        out = payloads(fed(tap, [recording.body]))
        kept = [payload for payload in payloads(recording.body) if payload["choices"] or not payload.get("usage")]
        assert out == kept, recording.id
        agrees(tap.usage, recording)


@requires_shared
@pytest.mark.parametrize("name", STREAMED)
def test_the_cost_goes_into_the_last_usage_event_and_nothing_else_changes(name: str) -> None:
    for recording in answers(name, stream=True):
        for size in (len(recording.body), 700):
            tap = DIALECTS["chat"].tap(Tapping(stream=True, show_cost=True))
            pieces = [recording.body[at : at + size] for at in range(0, len(recording.body), size)]
            out = fed(tap, pieces) + tap.last("0.000012")
            before, after = payloads(recording.body), payloads(out)
            priced = [payload for payload in before if payload.get("usage")][-1:]
            for payload in priced:
                kept = {name: value for name, value in payload["usage"].items() if not name.startswith("cost")}
                payload["usage"] = kept | {"cost": 0.000012}
            assert after == before, recording.id
            assert out.endswith(b"data: [DONE]\n\n") == recording.body.rstrip().endswith(b"[DONE]")
            if not priced:
                assert out == recording.body
            plain = DIALECTS["chat"].tap(Tapping(stream=True))
            fed(plain, [recording.body])
            assert facts(tap) == facts(plain)


@requires_shared
@pytest.mark.parametrize("name", FILES)
def test_only_a_vendors_own_cost_is_replaced_in_whole_answers(name: str) -> None:
    for recording in answers(name, stream=False):
        tap = DIALECTS[FILES[name]].tap(Tapping(stream=False, show_cost=True))
        out = fed(tap, [recording.body]) + tap.last("0.5")
        usage = json.loads(recording.body).get("usage") or {}
        if any(field.startswith("cost") for field in usage):
            kept = {field: value for field, value in usage.items() if not field.startswith("cost")}
            assert json.loads(out) == json.loads(recording.body) | {"usage": kept | {"cost": 0.5}}
        else:
            assert out == recording.body


def _small(limit: int, *, stream: bool) -> list[Recording]:
    """One recording a file, the shortest one below `limit` bytes."""
    found: list[Recording] = []
    for name in STREAMED if stream else FILES:
        short = sorted(
            (item for item in answers(name, stream=stream) if len(item.body) < limit), key=lambda item: len(item.body)
        )
        found += short[:1]
    return found


@requires_shared
def test_byte_by_byte_gives_the_same() -> None:
    for recording in _small(20_000, stream=True):
        whole, single = (DIALECTS["chat"].tap(Tapping(stream=True, show_model="shown", strip_usage=True)) for _ in range(2))
        pieces = [recording.body[at : at + 1] for at in range(len(recording.body))]
        assert fed(single, pieces) == fed(whole, [recording.body]), recording.id
        assert facts(single) == facts(whole)


@requires_shared
def test_cut_anywhere_gives_the_same() -> None:
    sample = _small(200_000, stream=True)

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        recording = data.draw(st.sampled_from(sample))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(recording.body) - 1), max_size=30)))
        pieces = [recording.body[start:end] for start, end in zip([0, *cuts], [*cuts, len(recording.body)], strict=True)]
        whole, cut = (DIALECTS["chat"].tap(Tapping(stream=True)) for _ in range(2))
        assert fed(cut, pieces) == fed(whole, [recording.body]) == recording.body
        assert facts(cut) == facts(whole)

    check()


@requires_shared
def test_a_stream_truncated_anywhere_is_never_clean() -> None:
    for recording in _small(8_000, stream=True):
        last = max(recording.body.rfind(mark) for mark in (b'"finish_reason":"', b'"finish_reason": "'))
        finished = recording.body.find(b"}", last)
        for end in range(len(recording.body)):
            tap = DIALECTS["chat"].tap(Tapping(stream=True))
            if end > finished:
                with contextlib.suppress(Fault):
                    fed(tap, [recording.body[:end]])
                continue  # whole for a vendor without [DONE]; either verdict is right
            with pytest.raises(Fault) as caught:
                fed(tap, [recording.body[:end]])
            assert caught.value.kind is Kind.VENDOR_TRUNCATED, (recording.id, end)
            assert not tap.done


@requires_shared
def test_a_whole_answer_truncated_anywhere_is_a_fault() -> None:
    for recording in _small(3_000, stream=False):
        for end in range(len(recording.body)):
            tap = DIALECTS["chat"].tap(Tapping(stream=False))
            with pytest.raises(Fault, match=r"ended before|empty|understood"):
                fed(tap, [recording.body[:end]])
            assert not tap.done


@requires_shared
def test_errors_inside_a_200_are_faults() -> None:
    found = 0
    for name in STREAMED:
        for recording in recordings(name):
            if recording.status == 200 and recording.stream and b'data: {"error":{' in recording.body:
                tap = DIALECTS["chat"].tap(Tapping(stream=True))
                assert fed(tap, [recording.body]) == recording.body
                assert tap.fault is not None
                assert tap.fault.message
                assert not tap.done
                found += 1
    assert found


@requires_shared
def test_our_own_count_is_near_the_vendors() -> None:
    """Answers of one kind of model (OpenAI's, without hidden reasoning), so that text is all there is to count."""
    counted = recorded = 0
    for recording in (item for stream in (True, False) for item in answers("openai_chat", stream=stream)):
        expected = recorded_usage(recording)
        if expected is None or expected.reasoning or expected.audio_out:
            continue
        tap = DIALECTS["chat"].tap(Tapping(stream=recording.stream))
        fed(tap, [recording.body])
        counted += tap.counted().output_total
        recorded += expected.output
    assert recorded > 5_000
    assert 0.8 < counted / recorded < 1.2, (counted, recorded)
