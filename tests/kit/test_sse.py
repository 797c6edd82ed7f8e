"""Frames come out as they went in, however the stream is cut."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit.sse import Event, FrameTooLargeError, Splitter, read

# Few letters and all line ends, so that empty lines of every mixture come up often.
_TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"data: x", b"a", b": ping", b"event: e"]), max_size=30).map(b"".join)
_CUTS = st.lists(st.integers(0, 200), max_size=12)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(marks)]


def _split(pieces: list[bytes]) -> tuple[list[bytes], bytes]:
    splitter = Splitter()
    frames = [frame for piece in pieces for frame in splitter.feed(piece)]
    return frames, splitter.rest


@given(st.one_of(_TEXT, st.binary(max_size=200)), _CUTS)
def test_no_byte_is_changed_however_the_stream_is_cut(data: bytes, cuts: list[int]) -> None:
    frames, rest = _split(_pieces(data, cuts))
    assert b"".join(frames) + rest == data


@given(_TEXT, _CUTS)
def test_same_frames_however_the_stream_is_cut(data: bytes, cuts: list[int]) -> None:
    assert _split(_pieces(data, cuts)) == _split([data])


@given(_TEXT)
def test_same_frames_byte_by_byte(data: bytes) -> None:
    assert _split([data[at : at + 1] for at in range(len(data))]) == _split([data])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_frame_ends_with_an_empty_line_of_each_kind(end: bytes) -> None:
    stream = b"event: a" + end + b"data: 1" + end + end + b"data: 2" + end + end + b"data: 3" + end
    frames, rest = _split([stream])
    assert [read(frame) for frame in frames] == [Event(b"a", b"1"), Event(None, b"2")]
    assert rest == b"data: 3" + end


def test_several_frames_in_one_piece_and_one_frame_in_several() -> None:
    splitter = Splitter()
    assert splitter.feed(b"data: 1\n\ndata: 2\n\nda") == [b"data: 1\n\n", b"data: 2\n\n"]
    assert splitter.feed(b"ta: 3\n") == []
    assert splitter.rest == b"data: 3\n"
    assert splitter.feed(b"\n") == [b"data: 3\n\n"]
    assert splitter.rest == b""


def test_a_frame_without_end_is_refused_at_the_limit() -> None:
    splitter = Splitter(limit=100)
    splitter.feed(b"x" * 100)
    with pytest.raises(FrameTooLargeError, match="100 bytes"):
        splitter.feed(b"x")


def test_whole_frames_do_not_count_towards_the_limit() -> None:
    splitter = Splitter(limit=10)
    assert len(splitter.feed(b"data: 1\n\n" * 100)) == 100


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (b"data: {}\n\n", Event(None, b"{}")),
        (b"data:{}\n\n", Event(None, b"{}")),
        (b"data:  two spaces\n\n", Event(None, b" two spaces")),
        (b"data: a\ndata: b\n\n", Event(None, b"a\nb")),
        (b"data\n\n", Event(None, b"")),
        (b": comment\n\n", Event(None, None)),
        (b"id: 7\nretry: 10\nevent: x\n\n", Event(b"x", None)),
        (b"data: x\r\n\n", Event(None, b"x")),
        (b"data: a\rdata: b\n\n", Event(None, b"a\nb")),
        (b"data: [DONE]\r\n\r\n", Event(None, b"[DONE]")),
    ],
)
def test_read(frame: bytes, event: Event) -> None:
    assert read(frame) == event


@given(_TEXT)
def test_read_agrees_with_a_plain_reading_of_the_standard(data: bytes) -> None:
    for frame in _split([data])[0]:
        values = [value.removeprefix(b" ") for value in _field_values(frame, b"data")]
        assert read(frame).data == (b"\n".join(values) if values else None)


def _field_values(frame: bytes, name: bytes) -> list[bytes]:
    lines = re.split(rb"\r\n|\n|\r", frame)
    return [line.partition(b":")[2] for line in lines if line.partition(b":")[0] == name]
