"""The end of the journal, which memory still has: what is flushed in good weather need not be read and decoded again.

Memory is never the truth: after any doubt it is let go, and the flusher reads what stands in the journal.
"""

from collections import deque
from itertools import islice
from typing import Final

from entrepot.buckets.batch import Batch
from entrepot.buckets.journal import Journal
from entrepot.buckets.record import RECORD_MAX, CallSettle, Settle, Settled, Written, decode, encode, fitted

KEPT: Final = 2048
"""Records in memory at most, about 2 MB. Beyond that the database is slow or away: the first of them still come from memory."""
_FRAME: Final = 64
"""Bytes of a record's room that its frame may take."""


class Fresh:
    """Writes into a journal, and remembers."""

    __slots__ = ("_journal", "_records")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._records: deque[tuple[int, int, Written]] = deque()

    def append(self, record: Written) -> int:
        """Write one record, cut where it is too long; gives the position after it. Raises JournalError."""
        payload = encode(record)
        if len(payload) > RECORD_MAX - _FRAME:
            record = fitted(decode(payload))
            payload = encode(record)
        start = self._journal.end
        end = self._journal.append(payload)
        if len(self._records) < KEPT:
            self._records.append((start, end, record))
        return end

    def batch(self, start: int, most: int) -> Batch | None:
        """At most so many records from position `start` on; None where memory does not have them."""
        records = self._records
        while records and records[0][0] < start:
            records.popleft()
        end = start
        settles: list[Settled] = []
        for first, last, record in islice(records, most):
            if first != end:
                break
            end = last
            if isinstance(record, CallSettle | Settle):
                settles.append(record)
        return Batch(start, end, settles=settles) if end > start else None

    def forget(self) -> None:
        """There is a doubt: the journal is read."""
        self._records.clear()
