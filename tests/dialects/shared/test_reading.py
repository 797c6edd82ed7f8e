"""Bytes pass, a reader counts along."""

import pytest

from entrepot.core.conversion import Reading
from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.gemini.reader import GenerateReader
from entrepot.dialects.shared.reading import ReadingTap, Shown

FRAME = (
    b'data: {"candidates":[{"content":{"parts":[{"text":"hi \\"modelVersion\\":\\"x\\""}]}}],"modelVersion":"vendor-1"}\r\n\r\n'
)
LAST = b'data: {"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1}}\r\n\r\n'


def tap(*, stream: bool = True, show: str | None = None) -> ReadingTap:
    reader = GenerateReader(Reading(stream, "s"))
    return ReadingTap(Tapping(stream, show), reader, "modelVersion", lambda frames: b"cut %d" % frames)


def test_no_byte_changes_and_frames_are_whole() -> None:
    reading = tap()
    assert reading.feed(FRAME[:30]) == b""
    assert reading.feed(FRAME[30:]) == FRAME
    assert reading.content
    assert not reading.done
    assert reading.feed(LAST) + reading.end() + reading.last("1") == LAST
    assert reading.done
    assert reading.usage is not None
    assert (reading.usage.input, reading.usage.output) == (2, 1)


def test_the_public_name_is_shown_and_text_is_left_alone() -> None:
    out = tap(show="public\\1").feed(FRAME)
    assert out == FRAME.replace(b'"vendor-1"', b'"public\\\\1"')
    assert Shown("model", "b").replaced(b'{"model" : "a"}') == b'{"model" : "b"}'


def test_a_stream_without_its_end_is_cut_or_truncated() -> None:
    reading = tap()
    reading.feed(FRAME)
    assert reading.cutoff() == b"cut 1"
    with pytest.raises(Fault) as raised:
        reading.end()
    assert raised.value.kind is Kind.VENDOR_TRUNCATED


def test_a_whole_answer_passes_at_its_end() -> None:
    body = LAST[6:-4]
    reading = tap(stream=False)
    assert reading.feed(body[:9]) + reading.feed(body[9:]) == b""
    assert reading.end() == body
    assert reading.done
