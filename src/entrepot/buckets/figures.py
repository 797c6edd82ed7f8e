"""What money did in a worker, as plain numbers that add up: over rounds, over replays, and over workers."""

from bisect import bisect_left
from typing import Final

import msgspec

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the flushes' histogram, in seconds; a last bucket holds the rest."""


class Figures(msgspec.Struct):
    """Amounts in nano-USD, times in seconds. All only grow."""

    rounds: int = 0
    """Transactions that were committed."""
    flushed: int = 0
    """Records that became usage rows."""
    flushes: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    """Rounds that stored records, by how long they took."""
    flush_seconds: float = 0.0
    grants: int = 0
    """Leases that were made or refilled."""
    refused: int = 0
    """Wishes for a lease that the bucket could not grant."""
    recalls: int = 0
    """Leases that went back because somebody else asked for them."""
    shortfalls: int = 0
    """Calls whose wallet could not pay all."""
    shortfall: int = 0
    """What the house paid of them."""
    rejects: int = 0
    """Records that the database refuses: parked, and charged to nobody."""
    replayed: int = 0
    """Journals of dead processes that were applied."""
    interrupted: int = 0
    """Calls that died with their process, and were settled with their last progress."""
    orphans: int = 0
    """Journals that the database does not know, set aside."""
    retired: int = 0
    """Silent incarnations of others that we retired."""
    reborn: int = 0
    """Times that we were retired ourselves."""

    def note_flush(self, seconds: float) -> None:
        """A round that stored records took so long."""
        self.flushes[bisect_left(BOUNDS, seconds)] += 1
        self.flush_seconds += seconds

    def add(self, other: "Figures") -> None:
        """Add another worker's numbers."""
        for name in self.__struct_fields__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if name == "flushes":
                mine, theirs = [one + more for one, more in zip(mine, theirs, strict=True)], []
            setattr(self, name, mine + theirs)
