"""Frames: what was written comes back, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from entrepot.buckets.segment import HEADER_SIZE, OVERHEAD, entries, frame, header, header_base, record_size


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=8), st.integers(0, 2**40), st.integers(0, 700))
def test_a_prefix_gives_whole_records_only(payloads: list[bytes], position: int, cut: int) -> None:
    data, at = b"", position
    for payload in payloads:
        data += frame(payload, at)
        at = position + len(data)
    assert [entry.payload for entry in entries(data + bytes(40), position)] == payloads
    found = list(entries(data[:cut], position))
    assert [entry.payload for entry in found] == payloads[: len(found)]
    assert len(found) == len(payloads) or cut < len(data)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 2**40), st.integers(1, 2**20))
def test_a_record_of_another_place_is_not_believed(payload: bytes, position: int, away: int) -> None:
    assert list(entries(frame(payload, position), position + away)) == []


def test_positions_and_sizes() -> None:
    data = frame(b"abc", 100) + frame(b"de", 100 + OVERHEAD + 3)
    assert [(entry.start, entry.end) for entry in entries(data, 100)] == [(100, 111), (111, 121)]
    assert (record_size(data), record_size(b""), record_size(bytes(8))) == (11, 0, 0)


def test_header_names_its_journal() -> None:
    name = "a" * 32
    data = header(name, 12345)
    assert len(data) == HEADER_SIZE
    assert header_base(data, name) == 12345
    assert header_base(data, "b" * 32) is None
    assert header_base(data[:-1], name) is None
    assert header_base(bytes(HEADER_SIZE), name) is None
