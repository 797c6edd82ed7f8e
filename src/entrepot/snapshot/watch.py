"""Keeps the snapshot current: follows the change feed, and lives on with the last one while the database is away."""

import asyncio
import logging
from collections.abc import Callable

from entrepot.kit.clock import Clock
from entrepot.kit.tasks import TaskGroup
from entrepot.snapshot.load import Places, SelfUrls, load
from entrepot.snapshot.model import EMPTY, Snapshot
from entrepot.store import feed
from entrepot.store.contract import Database, StoreError
from entrepot.store.vault import Vault

_log = logging.getLogger("entrepot.snapshot")

INTERVAL = 1.0
"""Seconds between looks at the feed; NOTIFY wakes earlier."""
LONGEST_PAUSE = 30.0
"""Seconds between attempts to be woken by NOTIFY, where that does not succeed."""


class Watcher:
    """Holds the snapshot of this process.

    current: the newest snapshot that could be loaded; EMPTY before the first.
    stale_since: wall time since which the database is away, None while it is there.
    """

    __slots__ = (
        "_clock",
        "_db",
        "_must_load",
        "_on_gap",
        "_on_key",
        "_on_vendor_key",
        "_places",
        "_seen",
        "_self_urls",
        "_tasks",
        "_vault",
        "_woken",
        "current",
        "stale_since",
    )

    def __init__(
        self,
        db: Database,
        vault: Vault,
        places: Places,
        tasks: TaskGroup,
        clock: Clock,
        *,
        self_urls: SelfUrls | None = None,
    ) -> None:
        self._db = db
        self._vault = vault
        self._places = places
        self._tasks = tasks
        self._clock = clock
        self._self_urls = self_urls
        self._seen = -1
        self._must_load = True
        self._woken = asyncio.Event()
        self._on_key: list[Callable[[str], None]] = []
        self._on_gap: list[Callable[[], None]] = []
        self._on_vendor_key: list[Callable[[str], None]] = []
        self.current: Snapshot = EMPTY
        self.stale_since: float | None = None

    @property
    def ready(self) -> bool:
        """Has a snapshot ever been loaded?"""
        return self._seen >= 0

    def subscribe(self, on_key: Callable[[str], None], on_gap: Callable[[], None]) -> None:
        """`on_key` is told the SHA-256 of each key that changed; `on_gap` that any key may have."""
        self._on_key.append(on_key)
        self._on_gap.append(on_gap)

    def subscribe_vendor_keys(self, on_vendor_key: Callable[[str], None]) -> None:
        """Told the `ref` of each change of vendor keys; an empty one also where changes may have been missed."""
        self._on_vendor_key.append(on_vendor_key)

    async def start(self) -> None:
        """Load once and follow from there. Does not fail where the database is away: it goes on trying."""
        await self._look()
        self._tasks.spawn(self._follow(), "snapshot watcher")
        self._tasks.spawn(self._listen(), "change feed's NOTIFY")

    def wake(self) -> None:
        """Look now."""
        self._woken.set()

    async def _follow(self) -> None:
        while True:
            # asyncio.timeout, not wait_for: cancelling must end this task at once, whatever it waits for.
            try:
                async with asyncio.timeout(INTERVAL):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            try:
                await self._look()
            except Exception:  # noqa: BLE001  # outermost: a watcher that died would keep revoked keys alive
                _log.exception("looking at the change feed failed")

    async def _look(self) -> None:
        """One round: what is new? Errors of the store never leave it."""
        try:
            if self.ready:
                self._take(await feed.events_after(self._db, self._seen))
            if self._must_load:
                await self._load()
        except StoreError as error:
            # A database that is half migrated or restored is weather too: calls go on with what we have.
            if self.stale_since is None:
                self.stale_since = self._clock.wall()
                _log.error("snapshot not current, the last one stays in use: %s", error, extra={"version": self._seen})
            return
        if self.stale_since is not None:
            self.stale_since = None
            _log.warning("snapshot current again", extra={"version": self._seen})

    async def _listen(self) -> None:
        """Ask to be woken, and ask again. Where that is not to be had (a pooler, too few connections) polling does alone.

        In a task of its own: an attempt may take seconds to fail, and a revoked key does not wait for it.
        """
        pause = INTERVAL
        while True:
            try:
                if not await self._db.listen(feed.CHANNEL, self.wake):
                    return
                pause = INTERVAL
            except StoreError as error:
                pause = min(pause * 2, LONGEST_PAUSE)
                _log.debug("no NOTIFY, again in %.0f s: %s", pause, error)
            await asyncio.sleep(pause)

    def _take(self, page: feed.Page) -> None:
        # The number moves on before listeners are told: one that breaks cannot hold up what follows.
        if page.gap:
            _log.warning("change feed has a gap, all is read anew", extra={"seen": self._seen, "head": page.head})
            self._must_load = True
            self._seen = page.events[0].v - 1 if page.events else page.head
            for forget_all in self._on_gap:
                forget_all()
            for tell in self._on_vendor_key:
                tell("")
        for event in page.events:
            self._seen = event.v
            if event.kind == feed.SNAPSHOT:
                self._must_load = self._must_load or event.v > self.current.version
            elif event.kind == feed.KEY:
                for forget in self._on_key:
                    forget(event.ref)
            elif event.kind == feed.VENDOR_KEY:
                for tell in self._on_vendor_key:
                    tell(event.ref)
        self._seen = page.head

    async def _load(self) -> None:
        self.current = await load(self._db, self._vault, self._places, self._self_urls)
        self._must_load = False
        if not self.ready:
            self._seen = self.current.version
