"""A worker's append-only journal: what was earned, on local disk before the answer's end goes out.

A folder `{id}` with a lock file, segments named by the position of their first record, and spare
segments. Spares are allocated ahead, so that calls that were admitted can settle on a full disk.
Positions are bytes of records since the journal began; they only grow.
"""

import asyncio
import bisect
import contextlib
import fcntl
import itertools
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from entrepot.buckets import segment
from entrepot.buckets.errors import JournalError
from entrepot.buckets.segment import Entry

_log = logging.getLogger("entrepot.buckets")

SEGMENT_SIZE: Final = 8 * 1024 * 1024
CHUNK: Final = 256 * 1024
"""Bytes read at once."""
KEEP: Final = 86_400.0
"""Seconds that applied segments stay."""
DONE: Final = ".done"
ORPHAN: Final = ".orphan"
_LOCK = "lock"
_SUFFIX = ".seg"


def no_crash(_: str) -> None:
    """What happens at a crash point, unless a test wants to die there."""


class Journal:
    """One journal, owned by whoever holds its file lock. Made by `create` or `adopt`."""

    def __init__(
        self,
        folder: Path,
        lock: int,
        *,
        segment_size: int = SEGMENT_SIZE,
        durable: bool = False,
        crash: Callable[[str], None] = no_crash,
    ) -> None:
        self.folder = folder
        self.id = folder.name
        self.end = 0
        """Position after the last record."""
        self.torn = 0
        """Bytes after the last whole record that are not zero: a record that was being written."""
        self._lock = lock
        self._size = segment_size
        self._crash = crash
        self._bases: list[int] = []
        self._spares: list[Path] = []
        self._numbers = itertools.count()
        self._fd = -1
        self._offset = 0
        self._durable = durable
        self._unsynced: list[int] = []
        """Segments that were left since the last sync; only where somebody syncs: an open file keeps its space on the disk."""
        self._synced = 0
        self._syncing: asyncio.Future[None] | None = None

    @classmethod
    def create(
        cls,
        root: Path,
        *,
        segment_size: int = SEGMENT_SIZE,
        durable: bool = False,
        crash: Callable[[str], None] = no_crash,
    ) -> Self:
        """A new journal in a folder of its own below `root`, locked; `durable` where `synced` will be waited for.

        Blocks; raises JournalError.
        """
        folder = root / uuid.uuid4().hex
        try:
            folder.mkdir(parents=True)
            lock = _locked(folder)
            if lock is None:  # pragma: no cover  # a fresh folder has no other owner
                raise JournalError(f"{folder} is locked")
            journal = cls(folder, lock, segment_size=segment_size, durable=durable, crash=crash)
            journal.tend(0)
        except OSError as error:
            raise JournalError(f"cannot make a journal in {root}: {error}") from error
        crash("open.folder")
        return journal

    @classmethod
    def adopt(cls, folder: Path, *, segment_size: int = SEGMENT_SIZE, crash: Callable[[str], None] = no_crash) -> Self | None:
        """The journal of a dead process, or None where it lives, or somebody else was faster. Raises JournalError."""
        try:
            lock = _locked(folder)
            if lock is None:
                return None
            journal = cls(folder, lock, segment_size=segment_size, crash=crash)
            journal._find_end()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(f"cannot read {folder}: {error}") from error
        return journal

    @property
    def room(self) -> int:
        """Bytes of records that fit without asking the disk for space."""
        left = self._size - self._offset if self._fd >= 0 else 0
        return left + len(self._spares) * (self._size - segment.HEADER_SIZE)

    @property
    def first(self) -> int:
        """The lowest position that can be read."""
        return self._bases[0] if self._bases else self.end

    def append(self, payload: bytes) -> int:
        """Write one record; gives the position after it. Synchronous: a copy to the page cache.

        Raises JournalError where there is no space or the disk fails: then nothing was written.
        """
        data = segment.frame(payload, self.end)
        size = len(data)
        if self._fd < 0 or self._offset + size > self._size:
            self._roll(size)
        try:
            written = os.pwrite(self._fd, data, self._offset)
        except OSError as error:
            raise JournalError(f"cannot write to {self.folder}: {error}") from error
        if written != size:
            raise JournalError(f"cannot write to {self.folder}: {written} of {size} bytes")
        self._offset += size
        self.end += size
        return self.end

    def read(self, position: int, limit: int = CHUNK) -> list[Entry]:
        """Records from `position` on, about `limit` bytes of them; [] at the end. Raises JournalError."""
        bases = self._bases  # `trim` runs in a thread and leaves this list as it is
        while True:
            index = bisect.bisect_right(bases, position) - 1
            if index < 0 and bases and position < bases[0]:
                raise JournalError(f"{self.folder}: position {position} was trimmed, the first is {bases[0]}")
            found = self._read_segment(bases[index], position, limit) if index >= 0 else []
            if found or index + 1 >= len(bases):
                return found
            if bases[index + 1] != position:
                # A torn end or a lag behind the database (see `resume`), or else damage: somebody should look.
                _log.warning("journal has a gap", extra={"journal": self.id, "from": position, "to": bases[index + 1]})
            position = bases[index + 1]

    def resume(self, position: int) -> None:
        """Append no lower than here: the database may know of records that a lost machine never wrote to disk."""
        self.end = max(self.end, position)

    def tend(self, reserve: int) -> None:
        """Allocate spares until a whole segment is free beyond `reserve` bytes. Blocks; raises OSError."""
        while self.room - reserve < self._size - segment.HEADER_SIZE:
            self._spares.append(self._allocate())

    def trim(self, floor: int, older_than: float) -> int:
        """Delete segments below `floor` last written before `older_than` (wall seconds). Blocks; gives how many."""
        trimmed = 0
        while len(self._bases) > 1 and self._bases[1] <= floor:
            path = self._path(self._bases[0])
            if path.stat().st_mtime > older_than:
                break
            self._bases = self._bases[1:]
            path.unlink()
            trimmed += 1
        return trimmed

    async def synced(self, position: int) -> None:
        """Wait until all up to `position` is on the disk itself. Raises JournalError."""
        while self._synced < position:
            if self._syncing is None:
                self._syncing = asyncio.ensure_future(self._sync())  # noqa: TID251  # shared and awaited right here
            await asyncio.shield(self._syncing)

    def close(self) -> None:
        """Let go of files and lock; the folder stays for a successor."""
        for fd in {*self._unsynced, self._fd, self._lock} - {-1}:
            os.close(fd)
        self._fd = self._lock = -1
        self._unsynced.clear()

    def finish(self, now: float) -> None:
        """All is applied and closed: step aside, to be deleted after KEEP seconds."""
        done = self.folder.with_name(self.id + DONE)
        self.folder.rename(done)
        for spare in done.glob("spare-*"):
            spare.unlink()
        os.utime(done, (now, now))
        self.close()

    def discard(self) -> None:
        """Delete a journal that never held a record."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    def orphan(self) -> None:
        """Set aside a journal that the database does not know; it is never deleted."""
        self.folder.rename(self.folder.with_name(self.id + ORPHAN))
        self.close()

    def _roll(self, size: int) -> None:
        """Go on in a new segment."""
        if size > self._size - segment.HEADER_SIZE:
            raise JournalError(f"a record of {size} bytes does not fit into a segment")
        try:
            spare = self._spares.pop() if self._spares else self._allocate()
            fd = os.open(spare, os.O_RDWR | os.O_CLOEXEC)
            os.pwrite(fd, segment.header(self.id, self.end), 0)
            spare.rename(self._path(self.end))
        except OSError as error:
            raise JournalError(f"no new segment in {self.folder}: {error}") from error
        if self._fd >= 0 and self._durable:
            self._unsynced.append(self._fd)
        elif self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._offset = segment.HEADER_SIZE
        if not self._bases or self._bases[-1] != self.end:
            self._bases = [*self._bases, self.end]
        self._crash("journal.rolled")

    def _allocate(self) -> Path:
        path = self.folder / f"spare-{next(self._numbers)}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, self._size)
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()
            raise
        finally:
            os.close(fd)
        self._crash("journal.spare")
        return path

    def _path(self, base: int) -> Path:
        return self.folder / f"{base:020d}{_SUFFIX}"

    def _read_segment(self, base: int, position: int, limit: int) -> list[Entry]:
        offset = segment.HEADER_SIZE + position - base
        try:
            fd = os.open(self._path(base), os.O_RDONLY | os.O_CLOEXEC)
            try:
                data = os.pread(fd, limit, offset)
                wanted = segment.record_size(data)
                if len(data) < wanted <= self._size:
                    data = os.pread(fd, wanted, offset)
            finally:
                os.close(fd)
        except OSError as error:
            raise JournalError(f"cannot read {self.folder}: {error}") from error
        return list(segment.entries(data, position))

    def _find_end(self) -> None:
        """After a crash: which segments there are, and where the last whole record ends."""
        for spare in self.folder.glob("spare-*"):
            spare.unlink()
        for path in self.folder.glob(f"*{_SUFFIX}"):
            head = path.open("rb").read(segment.HEADER_SIZE)
            base = segment.header_base(head, self.id)
            if base is not None and path == self._path(base):
                self._bases.append(base)
        self._bases.sort()
        if not self._bases:
            return
        self.end = self._bases[-1]
        while found := self.read(self.end):
            self.end = found[-1].end
        last = self._path(self._bases[-1]).read_bytes()
        self.torn = len(last[segment.HEADER_SIZE + self.end - self._bases[-1] :].rstrip(b"\0"))

    async def _sync(self) -> None:
        """One fdatasync for all that wait, and for the segments left since the last."""
        target, active, old = self.end, self._fd, list(self._unsynced)
        try:
            await asyncio.get_running_loop().run_in_executor(None, _flush_files, (*old, active), self.folder if old else None)
        except OSError as error:
            raise JournalError(f"cannot write {self.folder} to disk: {error}") from error
        finally:
            self._syncing = None
        for fd in old:
            self._unsynced.remove(fd)
            os.close(fd)
        self._synced = max(self._synced, target)


def _flush_files(fds: tuple[int, ...], folder: Path | None) -> None:
    for fd in fds:
        os.fdatasync(fd)
    if folder is not None:
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _locked(folder: Path) -> int | None:
    """A file descriptor that owns the folder; None where another has it, or it was renamed meanwhile."""
    path = folder / _LOCK
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = path.stat().st_ino == os.fstat(fd).st_ino
    except (BlockingIOError, FileNotFoundError):
        os.close(fd)
        return None
    if not same:
        os.close(fd)
        return None
    return fd


def dead_folders(root: Path) -> list[Path]:
    """Journals that may need a replay: neither done nor set aside, oldest first."""
    if not root.is_dir():
        return []
    found = [path for path in root.iterdir() if path.is_dir() and not path.suffix]
    return sorted(found, key=lambda path: path.stat().st_mtime)


def sweep(root: Path, older_than: float) -> int:
    """Delete journals that were done before `older_than` (wall seconds). Blocks; gives how many."""
    old = [path for path in root.glob(f"*{DONE}") if path.stat().st_mtime < older_than]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)
