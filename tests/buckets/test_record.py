"""Records as they stand in a journal."""

import msgspec
import pytest

from entrepot.buckets.record import (
    Progress,
    RecordError,
    Release,
    Settle,
    decode,
    encode,
    fitted,
    interrupted,
    progressed,
    read,
    settled,
)
from entrepot.buckets.rows import Facts, Line
from tests.buckets.desks import line
from tests.buckets.test_rows import RECORD, line_of, record


def test_there_and_back() -> None:
    for each in (Settle(line("a", user_id=3), ((1, 2), (3, 4)), 9), Progress(line("b"), ((1, 2),)), Release("c")):
        assert decode(encode(each)) == each


def test_a_journal_of_an_older_program_is_read() -> None:
    """It knew fewer columns: the new ones have their defaults."""
    values = msgspec.msgpack.decode(encode(Settle(line("a", bytes_in=5), ((1, 2),), 9)))
    values[1] = values[1][: Line.__struct_fields__.index("bytes_in") + 1]
    old = decode(msgspec.msgpack.encode(values))
    assert isinstance(old, Settle)
    assert (old.line.bytes_in, old.line.prices, old.charges) == (5, "{}", ((1, 2),))


def test_what_a_call_writes_is_read_as_columns() -> None:
    facts = Facts(RECORD, '{"input":5}', 2, "book")
    assert decode(encode(settled(facts, ((1, 2),), 9))) == Settle(line_of(facts), ((1, 2),), 9)
    assert decode(encode(progressed(facts, ((1, 2),), 9))) == Progress(line_of(facts), ((1, 2),), 9)
    assert read(encode(settled(facts, ((1, 2),), 9))) == settled(facts, ((1, 2),), 9)
    assert settled(facts, ((1, 2),), 9).columns() == Settle(line_of(facts), ((1, 2),), 9).columns()
    assert settled(facts, (), 9).id == Settle(line_of(facts), (), 9).id == RECORD.id
    assert (settled(line("a"), (), 1), progressed(line("a"), (), 1)) == (Settle(line("a"), (), 1), Progress(line("a"), (), 1))


def test_a_call_of_an_older_program_is_read() -> None:
    values = msgspec.msgpack.decode(encode(settled(Facts(RECORD), ((1, 2),), 9)))
    values[1][0] = values[1][0][:20]
    old = decode(msgspec.msgpack.encode(values))
    assert isinstance(old, Settle)
    assert (old.line.id, old.line.tokens, old.line.bytes_out) == (RECORD.id, "{}", 0)


def test_a_time_that_is_none_is_no_record() -> None:
    with pytest.raises(RecordError):
        decode(encode(settled(Facts(record(total_ms=float("nan"))), (), 0)))
    with pytest.raises(RecordError):
        decode(encode(progressed(Facts(record(arrived=float("inf"))), (), 0)))


def test_bytes_of_the_first_format_are_read() -> None:
    """As they stood in a journal before calls wrote their facts."""
    written = (
        b"\x94\xa1s\xdc\x00\x1e\xa1a\xa820270115\xcf\x00\x06e\x12\x16l\xc0\x00\xa4chat\xa4chat\xcc\xc8\xa2ok\xa1m\x00\xa91"
        b"27.0.0.1\xa6vendor\xc0\xc0\xc0\xc0\xc0\xc0\xc0\xa2[]\xa2{}\x00\x00\xc0\x00\x00\x00\xa2[]\xa2{}\xce\x00\x0fB@\xa0\x91"
        b"\x92\x01\x02\x09"
    )
    found = decode(written)
    assert isinstance(found, Settle)
    assert (found.line.id, found.line.ratio_ppm, found.charges, found.held) == ("a", 1_000_000, ((1, 2),), 9)


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
