"""Whole frames, a last one without its end, and what is none."""

from collections.abc import Iterator

import pytest

from entrepot.core.events import Delta, Event
from entrepot.core.faults import Fault, Kind
from entrepot.dialects.shared.frames import Frames
from entrepot.kit import sse


def said(frame: bytes) -> Iterator[Event]:
    if frame != b"data: a":
        raise Fault(Kind.VENDOR_GARBAGE)
    yield Delta("text", "a")


def test_frames_come_whole() -> None:
    frames = Frames()
    assert frames.feed(b"data: a\n\ndata:") == [b"data: a\n\n"]
    assert frames.rest == b"data:"
    assert frames.feed(b" b\n\n") == [b"data: b\n\n"]
    assert frames.last(said) == []


def test_a_last_frame_is_read_or_truncated() -> None:
    frames = Frames()
    frames.feed(b"data: a")
    assert frames.last(said) == [Delta("text", "a")]
    frames.feed(b"bc")
    with pytest.raises(Fault) as raised:
        frames.last(said)
    assert raised.value.kind is Kind.VENDOR_TRUNCATED


def test_a_frame_without_end_is_garbage() -> None:
    with pytest.raises(Fault) as raised:
        Frames().feed(b"x" * (sse.MAX_FRAME + 1))
    assert raised.value.kind is Kind.VENDOR_GARBAGE
