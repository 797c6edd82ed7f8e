"""Arithmetic of limits: what was used in the last minute, shares of workers, times as OpenAI writes them. Pure."""

from collections import deque
from collections.abc import Iterable
from typing import Final

SECONDS: Final = 60
"""A minute. A use counts for as many whole seconds after the one it fell into."""
SLICES: Final = 10
"""A worker may sit on 1 / (SLICES * live workers) of a limit, so nine tenths of it can always be used."""


class Window:
    """Uses of the last minute, summed by the second. `slot` is whole seconds since 1970 UTC."""

    __slots__ = ("_sum", "_uses")

    def __init__(self) -> None:
        self._uses: deque[tuple[int, int]] = deque()
        self._sum = 0

    def add(self, slot: int, amount: int) -> None:
        """Count a use; a clock that stepped back counts it into the newest second."""
        if self._uses and self._uses[-1][0] >= slot:
            slot, before = self._uses.pop()
            self._uses.append((slot, before + amount))
        else:
            self._uses.append((slot, amount))
        self._sum += amount

    def total(self, slot: int) -> int:
        """What was used in the minute before the end of `slot`."""
        uses = self._uses
        while uses and uses[0][0] < slot - SECONDS:
            self._sum -= uses.popleft()[1]
        return self._sum

    def frees_at(self, limit: int) -> int | None:
        """The second from which on less than `limit` counts; None where that is never."""
        return frees_at(self._uses, limit)


def frees_at(uses: Iterable[tuple[int, int]], limit: int) -> int | None:
    """From (slot, amount) in order of time: the second from which on their sum is below `limit`; None for a limit of nothing.

    0 where it is below already.
    """
    if limit <= 0:
        return None
    listed = list(uses)
    total, at = sum(amount for _, amount in listed), 0
    for slot, amount in listed:
        if total < limit:
            break
        total -= amount
        at = slot + SECONDS + 1
    return at


def slice_of(limit: int, live: int) -> int:
    """The least that a worker leases where it is there, and what it may let in before its first lease."""
    return min(max(limit // (SLICES * max(live, 1)), 1), max(limit, 0))


def share_of(limit: int, live: int) -> int:
    """What a worker lets through alone while the database is away."""
    return min(max(limit // max(live, 1), 1), max(limit, 0))


def divisor(live: int) -> int:
    """A worker that is alone takes what it wants; others at most half of their share of what is free."""
    return 2 * live if live > 1 else 1


GRANTED: Final = (
    "{greatest}({floor}, {least_of}({free}, {greatest}({least}, {least_of}({most}, {keep} + ({free} - {keep}) / {share}))))"
)
"""The size of a lease as SQL. `free` is what the others have not leased and nobody has used."""


def granted(free: int, keep: int, least: int, most: int, *, floor: int = 0, share: int = 1) -> int:
    """The size of a lease: GRANTED in Python, for the tests. Division truncates as in SQL.

    keep: what the worker has and wants to keep. least: that and what waiting calls need. most: what it would like.
    floor: what is in use and cannot be taken away.
    """
    more = abs(free - keep) // share * (1 if free >= keep else -1)
    return max(floor, min(free, max(least, min(most, keep + more))))
