"""Batches."""

from entrepot.buckets.batch import Batch
from entrepot.buckets.record import Progress, Settle, encode
from entrepot.buckets.segment import Entry
from tests.buckets.desks import line


def test_keeps_charges_and_what_cannot_be_read_apart() -> None:
    settle = Settle(line("a"), ((1, 2),))
    payloads = [encode(settle), b"\xc1", encode(Progress(line("b"), ((1, 2),)))]
    entries = [Entry(10 * n, 10 * n + 10, payload) for n, payload in enumerate(payloads)]
    batch = Batch.of(0, entries)
    assert (batch.start, batch.end, batch.settles) == (0, 30, [settle])
    assert [entry.start for entry, _ in batch.bad] == [10]
    assert Batch.of(7, []).end == 7
