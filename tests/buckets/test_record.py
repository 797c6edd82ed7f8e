"""Records as they stand in a journal."""

import msgspec
import pytest

from entrepot.buckets.record import Line, Progress, RecordError, Release, Settle, decode, encode, fitted, interrupted
from tests.buckets.desks import line


def test_there_and_back() -> None:
    for record in (Settle(line("a", user_id=3), ((1, 2), (3, 4)), 9), Progress(line("b"), ((1, 2),)), Release("c")):
        assert decode(encode(record)) == record


def test_a_journal_of_an_older_program_is_read() -> None:
    """It knew fewer columns: the new ones have their defaults."""
    values = msgspec.msgpack.decode(encode(Settle(line("a", bytes_in=5), ((1, 2),), 9)))
    values[1] = values[1][: Line.__struct_fields__.index("bytes_in") + 1]
    old = decode(msgspec.msgpack.encode(values))
    assert isinstance(old, Settle)
    assert (old.line.bytes_in, old.line.prices, old.charges) == (5, "{}", ((1, 2),))


@pytest.mark.parametrize("payload", [b"\xc1", b"", b"\x93\xa1s\x01\x02", msgspec.msgpack.encode(["x", "what"])])
def test_what_is_no_record_has_one_error(payload: bytes) -> None:
    with pytest.raises(RecordError):
        decode(payload)


def test_interrupted_keeps_charge_and_hold() -> None:
    settle = interrupted(Progress(line("a", outcome="ok"), ((1, 50),), 80))
    assert (settle.line.outcome, settle.charges, settle.held) == ("interrupted", ((1, 50),), 80)


def test_fitted_is_short_and_keeps_the_money() -> None:
    big = Settle(line("a" * 29, model="模" * 9000, attempts="[" * 9000, dropped="x" * 9000), ((1, 2),), 3)
    small = fitted(big)
    assert isinstance(small, Settle)
    assert len(encode(small)) < 2000
    assert (small.line.id, small.charges, small.held) == ("a" * 29, ((1, 2),), 3)
    assert fitted(Release("x")) == Release("x")
