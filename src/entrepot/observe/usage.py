"""Keeps finished calls until their rows are in the database.

In memory: a process that is killed (kill -9, power) loses what is queued, up to a quarter of a
second of calls while the database answers, and up to `LIMIT` records while it is away. The
journal that survives this comes with the money.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from entrepot.core.record import Record
from entrepot.kit.clock import Clock
from entrepot.kit.tasks import TaskGroup
from entrepot.store.contract import StoreAwayError

_log = logging.getLogger("entrepot.usage")

PAUSE = 0.25
"""Seconds that a record waits for others at most."""
BATCH = 500
"""Records that are written in one go."""
LIMIT = 100_000
"""Records that are kept while the database is away; then the oldest are lost, counted and logged."""
LONGEST_PAUSE = 5.0
"""Seconds between two tries while the database is away."""
_REPORT = 10.0
"""Seconds between two log lines about losses."""


class UsageWriter:
    """Listens to finished calls and has `write` store them in batches.

    `write` must change nothing when a batch is repeated, and raise StoreAwayError where repeating helps.
    """

    def __init__(
        self, write: Callable[[Sequence[Record]], Awaitable[None]], clock: Clock, tasks: TaskGroup, *, limit: int = LIMIT
    ) -> None:
        self._write = write
        self._clock = clock
        self._limit = limit
        self._queue: deque[Record] = deque()
        self._batch: list[Record] = []
        self._some = asyncio.Event()
        self._many = asyncio.Event()
        self._stop = asyncio.Event()
        self._reported = float("-inf")
        self._unreported = 0
        self.lost = 0
        """Records that will never be stored."""
        self._task = tasks.spawn(self._run(), "usage-writer")

    @property
    def waiting(self) -> int:
        """Records that are not stored yet."""
        return len(self._queue) + len(self._batch)

    def observe(self, record: Record) -> None:
        """Queue a finished call; never waits."""
        queue = self._queue
        queue.append(record)
        size = len(queue)
        if size == 1:
            self._some.set()
        elif size == BATCH:
            self._many.set()
        elif size + len(self._batch) > self._limit:
            queue.popleft()
            self._count_loss(1, "the database is away for too long")

    async def close(self, patience: float = 5.0) -> None:
        """Store what is queued; what is not stored within `patience` seconds is lost, and logged.

        To be called before the task group is closed.
        """
        self._stop.set()
        self._some.set()
        self._many.set()
        await asyncio.wait([self._task], timeout=patience)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if left := self.waiting:
            self._queue.clear()
            self._batch.clear()
            self._reported = float("-inf")
            self._count_loss(left, "the server stopped while the database was away")

    async def _run(self) -> None:
        while self._queue or not self._stop.is_set():
            await self._some.wait()
            await _wait(self._many, PAUSE)
            self._many.clear()
            while self._queue:
                await self._flush()
            if not self._stop.is_set():
                self._some.clear()

    async def _flush(self) -> None:
        """Store one batch, however long the database is away."""
        self._batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        pause = PAUSE
        while self._batch:
            try:
                await self._write(self._batch)
                self._batch = []
            except StoreAwayError:
                await (asyncio.sleep(PAUSE) if self._stop.is_set() else _wait(self._stop, pause))
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception:  # noqa: BLE001  # outermost wrapper: what fails is told below, record by record
                await self._flush_one_by_one()

    async def _flush_one_by_one(self) -> None:
        """A batch failed for a reason that will not pass: one bad record must not take the others along."""
        while self._batch:
            try:
                await self._write(self._batch[:1])
            except StoreAwayError:
                return
            except Exception:  # noqa: BLE001  # outermost wrapper: a bug in one row must not stop all rows
                _log.exception("a usage record cannot be stored", extra={"request": self._batch[0].id})
                self._count_loss(1, "a record cannot be stored")
            del self._batch[0]

    def _count_loss(self, count: int, why: str) -> None:
        self.lost += count
        self._unreported += count
        now = self._clock.monotonic()
        if now - self._reported >= _REPORT:
            _log.error("usage records are lost: %s", why, extra={"lost": self._unreported, "lost_in_all": self.lost})
            self._reported = now
            self._unreported = 0


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
