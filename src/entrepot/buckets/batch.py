"""What the flusher works on: a batch of journal records, and why a bucket could not grant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from entrepot.buckets.record import CallSettle, RecordError, Settle, Settled, read
from entrepot.buckets.segment import Entry


class Situation(NamedTuple):
    """Why a bucket could not grant: what is free, what all workers lease, and recalls not answered yet."""

    free: int
    leased: int
    pending: int


@dataclass(slots=True)
class Batch:
    """Consecutive journal records, from position `start` to `end`."""

    start: int
    end: int
    entries: list[Entry] = field(default_factory=list[Entry])
    """As they stand in the journal; none where the records come from memory (`fresh.py`)."""
    settles: list[Settled] = field(default_factory=list[Settled])
    bad: list[tuple[Entry, str]] = field(default_factory=list[tuple[Entry, str]])

    @property
    def moves(self) -> bool:
        """Does it take the journal on?"""
        return self.end > self.start

    @classmethod
    def of(cls, start: int, entries: Sequence[Entry]) -> "Batch":
        """Decode; what cannot be decoded is bad from the beginning."""
        batch = cls(start, entries[-1].end if entries else start, list(entries))
        for entry in entries:
            try:
                record = read(entry.payload)
            except RecordError as error:
                batch.bad.append((entry, str(error)))
                continue
            if isinstance(record, Settle | CallSettle):
                batch.settles.append(record)
        return batch
