"""The inflater: any cut gives the same bytes, output is bounded."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.upstream.inflate import OUTPUT, Inflater


def inflate(inflater: Inflater, pieces: list[bytes]) -> bytes:
    out = b""
    for piece in pieces:
        got = inflater.decode(piece)
        out += got
        while inflater.more:
            assert len(got) <= OUTPUT
            got = inflater.decode(b"")
            out += got
    return out


@given(st.binary(max_size=4000), st.sampled_from(["gzip", "zlib", "bare"]), st.integers(1, 50))
def test_any_cut(data: bytes, form: str, size: int) -> None:
    engine = zlib.compressobj(wbits={"gzip": 31, "zlib": 15, "bare": -15}[form])
    packed = engine.compress(data) + engine.flush()
    inflater = Inflater(deflate=form != "gzip")
    assert inflate(inflater, [packed[at : at + size] for at in range(0, len(packed), size)]) == data
    assert inflater.whole


@pytest.mark.parametrize("size", [OUTPUT - 1, OUTPUT, OUTPUT + 1, 5 * OUTPUT])
def test_pieces_are_bounded(size: int) -> None:
    inflater = Inflater(deflate=False)
    assert inflate(inflater, [gzip.compress(bytes(size))]) == bytes(size)
    assert inflater.whole


def test_nothing_stays_behind() -> None:
    """Whatever has come in is unfolded at once, also where the input is used up in the middle of a long repetition."""
    packed = gzip.compress(bytes(3 * OUTPUT + 100))
    for end in range(1, len(packed)):
        reference = zlib.decompressobj(31).decompress(packed[:end])
        assert inflate(Inflater(deflate=False), [packed[:end]]) == reference


def test_an_end_that_is_missing() -> None:
    inflater = Inflater(deflate=False)
    assert inflater.whole
    inflate(inflater, [gzip.compress(b"abc")[:-3]])
    assert not inflater.whole
