"""What dead workers left: their journals are applied, their leases returned, their incarnations retired."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from entrepot.buckets import statements
from entrepot.buckets.errors import JournalError
from entrepot.buckets.figures import Figures
from entrepot.buckets.flusher import Flusher
from entrepot.buckets.journal import SEGMENT_SIZE, Journal, dead_folders, no_crash
from entrepot.buckets.record import Progress, RecordError, Release, decode, encode, interrupted
from entrepot.kit.clock import Clock
from entrepot.store.contract import Database, GuardError, Step

_log = logging.getLogger("entrepot.buckets")


async def replay_all(
    db: Database,
    root: Path,
    clock: Clock,
    figures: Figures,
    *,
    segment_size: int = SEGMENT_SIZE,
    crash: Callable[[str], None] = no_crash,
) -> None:
    """Replay every journal below `root` whose process is dead, and count that into `figures`.

    Raises StoreAwayError; what is left waits for the next time.
    """
    for folder in await asyncio.to_thread(dead_folders, root):
        try:
            journal = await asyncio.to_thread(Journal.adopt, folder, segment_size=segment_size, crash=crash)
        except JournalError as error:
            _log.error("journal cannot be read", extra={"journal": folder.name, "error": str(error)})
            continue
        if journal is None:
            continue
        try:
            await _Replay(db, journal, clock, figures, crash).run()
        except JournalError as error:
            _log.error("replay stopped, tried again later", extra={"journal": journal.id, "error": str(error)})
        finally:
            journal.close()


class _Replay:
    """One dead journal, which we own now."""

    def __init__(self, db: Database, journal: Journal, clock: Clock, figures: Figures, crash: Callable[[str], None]) -> None:
        self._db = db
        self._journal = journal
        self._clock = clock
        self._figures = figures
        self._crash = crash

    async def run(self) -> None:
        """Apply, settle what was interrupted, give back, retire. May be cut anywhere and run again."""
        journal = self._journal
        rows = (await self._db.read([statements.read_journal(journal.id)]))[0]
        if not rows:
            self._unknown()
            return
        incarnation, applied, floor, state = rows[0]
        if state == "closed":
            journal.finish(self._clock.wall())
            return
        if journal.torn:
            _log.warning("journal ends in a torn record", extra={"journal": journal.id, "bytes": journal.torn})
        journal.resume(applied)
        flusher = Flusher(self._db, journal, self._clock, figures=self._figures, crash=self._crash)
        flusher.incarnation = incarnation
        left = open_calls(journal, min(floor, applied))
        flusher.open = {request: position for request, (position, _) in left.items()}
        await flusher.drain()
        for _, progress in left.values():
            journal.append(encode(interrupted(progress)))
        self._figures.interrupted += len(left)
        self._crash("replay.interrupted")
        flusher.open.clear()
        await flusher.drain()
        self._crash("replay.flushed")
        await flusher.retire()
        self._crash("replay.retired")
        journal.finish(self._clock.wall())
        self._figures.replayed += 1

    def _unknown(self) -> None:
        """The database has never heard of it: nothing was written, or it belongs to another database."""
        if self._journal.end == 0:
            self._journal.discard()
            return
        _log.error("journal is unknown to this database, set aside", extra={"journal": self._journal.id})
        self._figures.orphans += 1
        self._journal.orphan()


def open_calls(journal: Journal, position: int) -> dict[str, tuple[int, Progress]]:
    """Calls that had made progress and did not end: position and record of their last progress."""
    left: dict[str, tuple[int, Progress]] = {}
    position = max(position, journal.first)
    while entries := journal.read(position):
        for entry in entries:
            try:
                record = decode(entry.payload)
            except RecordError:
                continue
            if isinstance(record, Progress):
                left[record.line.id] = (entry.start, record)
            else:
                left.pop(record.id if isinstance(record, Release) else record.line.id, None)
        position = entries[-1].end
    return left


async def retire_silent(db: Database, silent_us: int = statements.SILENT_US) -> int:
    """Retire incarnations without a turn for `silent_us` of the database's clock, and return their leases.

    Their journals stay open: should one turn up, its charges are paid like any beyond a lease. Raises StoreAwayError.
    """
    retired = 0
    for (incarnation,) in await db.fetch(*statements.find_silent(db.dialect, silent_us)):
        work: list[Step] = [
            statements.retire_silent(db.dialect, incarnation, silent_us),
            *statements.return_leases(db.dialect, incarnation),
        ]
        try:
            await db.change(work)
        except GuardError:
            continue  # it spoke up, or another worker was faster
        _log.warning("silent incarnation retired", extra={"incarnation": incarnation})
        retired += 1
    return retired
