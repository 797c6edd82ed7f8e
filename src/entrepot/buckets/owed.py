"""Ends of calls that the journal did not take, because the disk refused: kept in their order and tried again.

Until then what the calls had reserved stays reserved, and the desk admits no other. A process that dies meanwhile loses
them: there is nowhere left to write.
"""

import logging
from collections import deque
from collections.abc import Callable

from entrepot.buckets.errors import JournalError
from entrepot.buckets.held import Held
from entrepot.buckets.record import Release, Written
from entrepot.buckets.trouble import Trouble

_log = logging.getLogger("entrepot.buckets")


class Owed:
    """What is still to be written."""

    __slots__ = ("_ends", "_trouble")

    def __init__(self) -> None:
        self._ends: deque[tuple[Held, str, Written]] = deque()
        self._trouble = Trouble("the journal takes no charges: kept in memory", "the journal takes charges again")

    def __len__(self) -> int:
        return len(self._ends)

    def add(self, held: Held, request: str, record: Written, error: JournalError) -> None:
        """Keep the end of a call."""
        self._trouble.met(error)
        self._ends.append((held, request, record))

    def pay(self, write: Callable[[str, Written], int]) -> bool:
        """Write what is owed, the oldest first; True where nothing is left."""
        while self._ends:
            held, request, record = self._ends[0]
            try:
                write(request, record)
            except JournalError as error:
                self._trouble.met(error)
                return False
            self._ends.popleft()
            if isinstance(record, Release):
                held.freed()
            else:
                held.spent(record.charges)
        self._trouble.over()
        return True

    def give_up(self) -> None:
        """The process ends: say what is lost, so that somebody can book it by hand."""
        for _, request, record in self._ends:
            _log.error("charge lost: the journal did not take it", extra={"request_id": request, "record": repr(record)})
