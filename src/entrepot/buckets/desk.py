"""The desk where calls ask for money: hold from memory, settle into the journal, everything else in the background."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

from entrepot.buckets import accounts as ledger
from entrepot.buckets import replay
from entrepot.buckets.accounts import Balance
from entrepot.buckets.errors import FencedError, InsufficientError, JournalError, OnHoldError
from entrepot.buckets.figures import Figures
from entrepot.buckets.flusher import Flusher
from entrepot.buckets.held import Held, Want
from entrepot.buckets.journal import KEEP, Journal, no_crash
from entrepot.buckets.lease import UNLIMITED, Account
from entrepot.buckets.options import Options as Options
from entrepot.buckets.plan import HOUSE
from entrepot.buckets.record import Written
from entrepot.buckets.room import FIRST_ROOM, Room
from entrepot.buckets.sweep import Sweep
from entrepot.buckets.trouble import Trouble
from entrepot.buckets.waiting import Waiter, Waiters, wishes_for
from entrepot.kit.clock import Clock
from entrepot.kit.tasks import TaskGroup
from entrepot.store.contract import Database, StoreAwayError, StoreError

_log = logging.getLogger("entrepot.buckets")

BACKLOG = 160 * 1024
"""Bytes of journal that are flushed without waiting for the next tick."""


class Buckets:
    """One worker's desk. `open` it, and `close` it when all holds have ended."""

    def __init__(self, flusher: Flusher, root: Path, options: Options, crash: Callable[[str], None]) -> None:
        self.flusher = flusher
        self.figures = flusher.figures
        self._journal = flusher.journal
        self._clock = flusher.clock
        self._root = root
        self._room = Room(flusher, root, options.segment_size)
        self._options = options
        self._crash = crash
        self._house = Account(HOUSE, UNLIMITED)
        self._open = 0
        self._waiters = Waiters()
        self._ahead: dict[int, int] = {}
        self._ask: set[int] = set()
        self._wake = asyncio.Event()
        self._flushed_at = self._clock.monotonic()
        self._sweep = Sweep(options.idle, self._flushed_at, options.accounts)
        self._stopping = False
        self._database = Trouble("database away", "database back")
        self._tasks = TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    @classmethod
    async def open(
        cls,
        db: Database,
        data_dir: Path,
        clock: Clock,
        options: Options = Options(),  # noqa: B008  # frozen
        crash: Callable[[str], None] = no_crash,
        *,
        figures: Figures | None = None,
    ) -> Self:
        """Replay what dead processes left in `data_dir`, then begin a journal of our own. Counts into `figures`.

        Raises StoreAwayError where the database is away, JournalError where the disk does not take a journal.
        """
        root, figures = data_dir / "journals", figures or Figures()
        await replay.replay_all(db, root, clock, figures, segment_size=options.segment_size, crash=crash)
        durable, size = options.durability == "fsync", options.segment_size
        journal = await asyncio.to_thread(lambda: Journal.create(root, segment_size=size, durable=durable, crash=crash))
        try:
            await asyncio.to_thread(journal.tend, FIRST_ROOM)
            flusher = Flusher(db, journal, clock, figures=figures, node=options.node, crash=crash)
            await flusher.begin()
        except BaseException:
            journal.close()
            raise
        desk = cls(flusher, root, options, crash)
        if options.background:
            desk._loops = [desk._tasks.spawn(desk._run(), "buckets"), desk._tasks.spawn(desk._caretaker(), "buckets-care")]
        return desk

    # The hot path: synchronous, from memory.

    def try_hold(self, wants: Sequence[Want]) -> Held | None:
        """Reserve all or nothing from memory. None: ask `hold`, which knows why.

        The first bucket is the wallet, the others are caps; each bucket once.
        """
        if self.fenced or not self._room.enough(self._open):
            return None
        parts: list[tuple[Account, int]] = []
        for bucket, nano in wants:
            account = self._house if bucket == HOUSE else self.flusher.accounts.get(bucket)
            if account is None and nano == 0:
                account = self.flusher.account(bucket)  # a free call needs no lease
            if account is None or nano < 0 or not account.hold(nano):
                for taken, back in parts:
                    taken.free(back)
                return None
            parts.append((account, nano))
            if account.available < account.slice // 2 and not account.thin:
                self._ahead[bucket] = nano
        self._open += 1
        return Held(self, parts)

    @property
    def fenced(self) -> bool:
        """Too long without a commit: nothing may be admitted."""
        return self._clock.monotonic() - self.flusher.committed_at > self._options.fence

    # The slow path.

    async def hold(self, wants: Sequence[Want]) -> Held:
        """Reserve all or nothing, leasing what is missing. Raises InsufficientError, OnHoldError, FencedError."""
        held = self.try_hold(wants)
        if held is not None:
            return held
        self._refuse_when_fenced()
        return await self._wait(Waiter(wants, lambda: self.try_hold(wants)), new=True)

    async def grow(self, held: Held, wants: Sequence[Want]) -> None:
        """For `Held.grow_wait`."""
        self._refuse_when_fenced()
        amounts = [nano for _, nano in wants]
        await self._wait(Waiter(wants, lambda: held if held.take(amounts) else None, held.amounts), new=False)

    async def balance(self, bucket: int) -> Balance | None:
        """What to show of a bucket; None where there is none. Raises StoreAwayError."""
        own = self.flusher.accounts.get(bucket)
        return await ledger.balance(self.flusher.db, bucket, own)

    async def spare(self, bucket: int) -> int:
        """nano-USD that a hold could still have of a bucket: not leased, or leased here and free. Raises StoreAwayError."""
        if bucket == HOUSE:
            return UNLIMITED
        balance, own = await self.balance(bucket), self.flusher.accounts.get(bucket)
        return (balance.remaining if balance else 0) + (max(own.available, 0) if own else 0)

    async def credit(self, wallet: int, nano: int, kind: str, reference: str) -> bool:
        """Put money into a wallet, once for each reference; False where that was done before. Raises StoreAwayError."""
        return await ledger.credit(self.flusher.db, wallet, nano, kind=kind, reference=reference)

    async def charge_now(self, wallet: int, nano: int, kind: str, reference: str) -> bool:
        """Take money at once and never from a lease; False where that reference was charged before.

        Raises InsufficientError, OnHoldError, StoreAwayError.
        """
        db, me = self.flusher.db, self.flusher.incarnation
        deadline = asyncio.get_running_loop().time() + self._options.patience
        asked = answered = False
        while True:
            try:
                return await ledger.charge(db, wallet, nano, kind=kind, reference=reference)
            except InsufficientError:
                if answered or asyncio.get_running_loop().time() > deadline:
                    raise OnHoldError(wallet) from None
            own = self.flusher.accounts.get(wallet)
            idle = await ledger.recall(db, me, wallet, nano + (own.unflushed if own else 0), ask=not asked)
            asked = True
            if own is not None and (own.available > 0 or own.returning):
                self.flusher.recalled.add(wallet)
                self._wake.set()
                idle = True
            answered = not idle  # all has come back: one last try
            await asyncio.sleep(self._options.retry if idle else 0)

    async def synced(self, position: int) -> None:
        """With durability "fsync": wait until this position of the journal is on disk. Raises JournalError."""
        if self._options.durability == "fsync":
            await self._journal.synced(position)

    @property
    def lag(self) -> int:
        """Bytes of the journal that are not in the database yet."""
        return self._journal.end - self.flusher.applied

    @property
    def holds(self) -> int:
        """Calls that have reserved something."""
        return self._open

    @property
    def owed(self) -> int:
        """Calls that have ended and whose charge the journal has not taken yet."""
        return len(self._room.owed)

    @property
    def outstanding(self) -> int:
        """nano-USD of wallets that this worker leases and has not spent, as the database knows it."""
        return sum(account.granted - account.flushed for account in self.flusher.accounts.values() if not account.cap)

    @property
    def held(self) -> int:
        """nano-USD that calls have reserved in wallets and on the house account."""
        return self._house.held + sum(account.held for account in self.flusher.accounts.values() if not account.cap)

    # For Held.

    def may_grow(self) -> bool:
        return not self.fenced

    def write(self, request: str, record: Written) -> int:
        position = self.flusher.fresh.append(record)
        if self.flusher.open:
            self.flusher.open.pop(request, None)
        self._crash("journal.written")
        return position

    def owe(self, held: Held, request: str, record: Written, error: JournalError) -> int:
        self._room.owe(held, request, record, error)
        self._wake.set()
        return self._journal.end

    def note(self, request: str, record: Written) -> None:
        if not self._room.enough(self._open):
            return  # the room left is for the ends of calls
        start = self._journal.end
        self.flusher.fresh.append(record)
        self.flusher.open[request] = start
        self._crash("journal.written")

    def ended(self, held: Held) -> None:
        self._open -= 1
        for account, _ in held.parts:
            if account.thin and account is not self._house:
                self.flusher.idle.add(account.bucket)
        if self._waiters:
            self._waiters.serve([account.bucket for account, _ in held.parts])

    def lacking(self, account: Account, nano: int) -> None:
        if nano and account is not self._house:
            self._ahead[account.bucket] = nano

    # The background.

    async def step(self) -> None:
        """One look at the database: a round where there is work, else only a look for recalls."""
        flusher = self.flusher
        await self._room.make(self._open)
        self._room.repay(self.write)
        if not flusher.sure:
            # A lease may have come although its answer was lost.
            await flusher.read_back()
            self._waiters.serve()
        now = self._clock.monotonic()
        due = now - self._flushed_at >= self._options.tick or not self._options.background or self.lag > BACKLOG
        flush = due and self.lag > 0
        flusher.idle.update(self._sweep.step(flusher.accounts, now))
        waiters = list(self._waiters)
        wishes = wishes_for(waiters, self._ahead, flusher.accounts)
        self._ahead.clear()
        flusher.idle.difference_update(wish.bucket for wish in wishes)
        asked, self._ask = self._ask, set()
        stale = now - flusher.committed_at >= self._options.heartbeat
        if flush or wishes or flusher.recalled or stale or (due and flusher.idle):
            await flusher.round(wishes, asked, flush=flush)
            if self.lag > BACKLOG:
                self._wake.set()
            elif flush:
                self._flushed_at = now
        elif due:
            await flusher.poll()
            self._flushed_at = now
        self._waiters.serve()
        self._judge(waiters)

    async def care(self) -> None:
        """Look after what others left: dead journals on this disk, silent incarnations anywhere, old files."""
        db, figures, size = self.flusher.db, self.figures, self._options.segment_size
        await replay.replay_all(db, self._root, self._clock, figures, segment_size=size, crash=self._crash)
        figures.retired += await replay.retire_silent(db, self._options.silent_us)
        await self._room.tidy(self._clock.wall() - KEEP)

    async def close(self) -> None:
        """Flush, give all leases back, retire. Where the database is away, the journal stays for a successor."""
        self._stopping = True
        self._wake.set()
        if self._loops:
            # Never cancelled: a round that is cut in the middle has an unknown outcome.
            await asyncio.gather(self._loops[0], return_exceptions=True)
        await self._tasks.close()
        for waiter in self._waiters:
            waiter.future.set_exception(FencedError("the worker is stopping"))
        self._room.repay(self.write)
        self._room.owed.give_up()
        try:
            await self.flusher.drain()
            await self.flusher.retire()
            self._crash("close.retired")
            self._journal.finish(self._clock.wall())
        except (StoreError, JournalError, OSError) as error:
            _log.warning("journal left for a successor", extra={"journal": self._journal.id, "error": str(error)})
            self._journal.close()

    async def _run(self) -> None:
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._options.retry if self._waiters else self._options.tick):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self.step()
                self._database.over()
            except StoreAwayError as error:
                self._database.met(error)
                await asyncio.sleep(self._options.retry)
            except (StoreError, JournalError, OSError) as error:
                _log.error("round failed", extra={"error": str(error)}, exc_info=error)
                await asyncio.sleep(self._options.tick)

    async def _caretaker(self) -> None:
        while True:
            await asyncio.sleep(self._options.care)
            try:
                await self.care()
            except (StoreError, JournalError, OSError) as error:
                _log.warning("care failed, tried again later", extra={"error": str(error)})

    async def _wait(self, waiter: Waiter, *, new: bool) -> Held:
        self._waiters.add(waiter)
        self._wake.set()
        got: Held | None = None
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._options.patience):
                got = await waiter.future
        except TimeoutError:
            if self.fenced or not self.flusher.sure or self.flusher.committed_at < began:
                raise FencedError("the database is away") from None
            if not self._room.enough(self._open):
                raise FencedError("the disk has no room for the journal") from None
            raise OnHoldError(waiter.wants[0][0] if waiter.wants else HOUSE) from None
        else:
            return got
        finally:
            self._waiters.discard(waiter)
            if got is None:
                waiter.abandon(new=new)

    def _judge(self, asked: Sequence[Waiter]) -> None:
        for waiter in asked:
            if not waiter.future.done():
                self._ask.update(waiter.judge(self.flusher.short, self.flusher.accounts))
                if waiter.future.done():
                    self._waiters.discard(waiter)
        self.flusher.short.clear()
        if self._ask or self.flusher.recalled:
            self._wake.set()

    def _refuse_when_fenced(self) -> None:
        if self.fenced:
            raise FencedError("no contact with the database")
