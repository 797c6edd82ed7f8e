"""Room in the journal: kept for the ends of all calls that run, made ahead of need, and none while the disk refuses an end."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from entrepot.buckets.errors import JournalError
from entrepot.buckets.flusher import Flusher
from entrepot.buckets.held import Held
from entrepot.buckets.journal import sweep
from entrepot.buckets.owed import Owed
from entrepot.buckets.record import RECORD_MAX, Written
from entrepot.buckets.trouble import Trouble

SPARE_ENDS: Final = 4
"""Such ends beyond the calls that run: for the next call, and for what is lost where a segment ends."""
FIRST_ROOM: Final = RECORD_MAX * SPARE_ENDS
"""Bytes that a journal begins with beside its first segment."""
_NEVER: Final = 1 << 40
"""Spare ends that no disk has."""


class Room:
    """Of one worker's journal, in one folder with those of others. `running` is the number of calls that have not ended."""

    __slots__ = ("_disk", "_flusher", "_journal", "_root", "_segment", "_spare", "owed")

    def __init__(self, flusher: Flusher, root: Path, segment: int) -> None:
        self._flusher = flusher
        self._journal = flusher.journal
        self._root = root
        self._segment = segment
        self._spare = SPARE_ENDS
        self._disk = Trouble("no space for the journal", "space for the journal again")
        self.owed = Owed()

    def enough(self, running: int) -> bool:
        """The journal can take the ends of all calls that run, and of one more; and it took all that have ended."""
        return self._journal.room >= RECORD_MAX * (running + self._spare)

    async def make(self, running: int) -> None:
        """Space ahead. A full disk takes what is stored already; if that is not enough, the flush goes on all the same."""
        reserve, journal = RECORD_MAX * (running + SPARE_ENDS), self._journal
        if journal.room - reserve >= self._segment // 2:
            return
        try:
            await asyncio.to_thread(journal.tend, reserve)
            self._disk.over()
        except OSError as error:
            self._disk.met(error)
            await self.tidy(float("inf"))

    async def tidy(self, older_than: float) -> None:
        """Delete what is stored, and was last written before this wall time."""
        floor = min(self._flusher.applied, self._flusher.floor)
        await asyncio.to_thread(lambda: (self._journal.trim(floor, older_than), sweep(self._root, older_than)))

    def owe(self, held: Held, request: str, record: Written, error: JournalError) -> None:
        """The disk refused the end of a call: keep it, and admit no other until it is written."""
        self.owed.add(held, request, record, error)
        self._spare = _NEVER

    def repay(self, write: Callable[[str, Written], int]) -> None:
        """Try to write what is owed."""
        if self.owed and self.owed.pay(write):
            self._spare = SPARE_ENDS
