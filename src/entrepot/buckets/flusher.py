"""The one writer of a worker: grants, flushes, give-backs and heartbeats, in rounds of one transaction each.

Every round takes the next turn of its incarnation (docs/decisions/0005); whatever goes wrong, the truth
is read back from the database and from the journal before anything else is written.
"""

import logging
from collections.abc import Callable, Iterable, Sequence

from entrepot.buckets import statements
from entrepot.buckets.batch import Batch, Situation
from entrepot.buckets.figures import Figures
from entrepot.buckets.fresh import Fresh
from entrepot.buckets.journal import Journal, no_crash
from entrepot.buckets.lease import SHARE, UNLIMITED, Account
from entrepot.buckets.plan import HOUSE, Plan, charges_of, make_plan
from entrepot.buckets.record import CallSettle, RecordError, Settle, read
from entrepot.buckets.segment import Entry
from entrepot.buckets.statements import Grant, LeaseChange
from entrepot.kit.clock import Clock
from entrepot.store.contract import (
    Database,
    GuardError,
    Row,
    StatementError,
    Step,
    StoreAwayError,
    StoreError,
)

_log = logging.getLogger("entrepot.buckets")

BATCH = 512
"""Records in one transaction."""
GIVE_BACK = 1000
"""Idle leases that go back in one transaction: a sweep over a million accounts must not be one."""
_USAGE_STEP = 2
"""In a flush: after the turn and the journal's move come the usage rows, whose guard means a second charge of one call."""


class Flusher:
    """Writes for one incarnation and one journal."""

    def __init__(
        self,
        db: Database,
        journal: Journal,
        clock: Clock,
        *,
        figures: Figures,
        node: str = "",
        crash: Callable[[str], None] = no_crash,
    ) -> None:
        self.db = db
        self.journal = journal
        self.fresh = Fresh(journal)
        self.clock = clock
        self.figures = figures
        self.accounts: dict[int, Account] = {}
        self.idle: set[int] = set()
        """Buckets whose unused lease is to go back with the next round."""
        self.recalled: set[int] = set()
        """Buckets that others ask for; their unused lease goes back whoever waits here."""
        self.open: dict[str, int] = {}
        """By request: position of the last progress record of a call that has not ended."""
        self.short: dict[int, Situation] = {}
        """Buckets that could not grant in the last round that asked."""
        self.incarnation = 0
        self.turn = 0
        self.applied = 0
        self.live = 1
        self.committed_at = clock.monotonic()
        self.sure = False
        """Memory and database agree; False after an unknown outcome."""
        self._refused_at = -1
        self._node = node
        self._crash = crash

    async def begin(self) -> None:
        """Register a new incarnation and its journal. Raises StoreAwayError."""
        self.incarnation = await self._new_incarnation()
        await self.db.change([statements.begin_journal(self.db.dialect, self.journal.id, self.incarnation)])
        self._crash("open.registered")
        await self.read_back()

    async def round(self, wishes: Sequence[Grant] = (), recall: Iterable[int] = (), *, flush: bool = True) -> None:
        """One transaction: flush, give back, lease what is wished; ask others for the buckets of `recall`.

        Raises StoreAwayError; then memory is unsure, and the next round reads back first.
        """
        if not self.sure:
            await self.read_back()
        batch = self._next_batch() if flush else Batch(self.applied, self.applied)
        if await self._cover(batch):
            await self._attempt(batch, wishes, tuple(recall))

    async def poll(self) -> None:
        """Only look for recalls: cheaper than a round, and writes nothing."""
        rows = await self.db.fetch(*_flat(statements.read_recalls(self.incarnation)))
        self.recalled.update(row[0] for row in rows)

    async def drain(self) -> None:
        """Flush until nothing is left. Raises StoreAwayError."""
        while not self.sure or self.applied < self.journal.end:
            await self.round()

    async def retire(self) -> None:
        """Return all leases and close the journal, which must be drained. Raises StoreAwayError."""
        dialect = self.db.dialect
        work: list[Step] = [
            statements.retire_own(self.incarnation, self.turn),
            statements.close_journal(dialect, self.journal.id, self.journal.end),
            *statements.return_leases(dialect, self.incarnation),
        ]
        try:
            await self.db.change(work, self._crash)
        except GuardError:
            # Retired by others while we were at it: take the journal over, then end that life too.
            await self.read_back()
            await self.drain()
            await self.retire()
            return
        self.sure = False
        self.accounts.clear()

    async def read_back(self) -> None:
        """Learn the truth after any doubt: leases, journal position, and what the journal has beyond it.

        Raises StoreAwayError.
        """
        self.sure = False
        self.fresh.forget()
        started = self.clock.monotonic()
        work: list[Step] = [
            statements.force_turn(self.db.dialect, self.incarnation),
            statements.read_journal(self.journal.id),
            statements.read_leases(self.incarnation),
        ]
        try:
            (turn,), (journal,), leases = await self.db.change(work)
        except GuardError:
            await self._reborn()
            return
        self.turn, self.applied = turn[0], journal[1]
        self._reset_accounts({row[0]: (row[1], row[2]) for row in leases})
        self.committed_at = started
        self.sure = True

    def account(self, bucket: int) -> Account:
        """The account of a bucket, made at the first need."""
        found = self.accounts.get(bucket)
        if found is None:
            found = self.accounts[bucket] = Account(bucket)
        return found

    @property
    def floor(self) -> int:
        """The lowest position that a replay would need."""
        return min(self.open.values(), default=self.journal.end)

    async def _reborn(self) -> None:
        """We were retired: our leases are gone, the journal goes on under a new incarnation."""
        _log.warning("incarnation was retired by others", extra={"incarnation": self.incarnation, "journal": self.journal.id})
        self.incarnation = await self._new_incarnation()
        self._crash("reborn.begun")
        await self.db.change([statements.take_journal(self.db.dialect, self.journal.id, self.incarnation)])
        self.figures.reborn += 1
        await self.read_back()

    async def _new_incarnation(self) -> int:
        begin = statements.begin_incarnation(self.db.dialect, self._node)
        return (await self.db.change([begin]))[0][0][0]

    def _reset_accounts(self, leases: dict[int, tuple[int, int]]) -> None:
        unflushed = self._charges_after(self.applied)
        for bucket in {*leases, *unflushed, *self.accounts}:
            if bucket != HOUSE:
                granted, spent = leases.get(bucket, (0, 0))
                self.account(bucket).reset(granted, spent, unflushed.get(bucket, 0))

    def _charges_after(self, position: int) -> dict[int, int]:
        sums: dict[int, int] = {}
        while entries := self.journal.read(position):
            for bucket, nano in charges_of(Batch.of(position, entries).settles).items():
                sums[bucket] = sums.get(bucket, 0) + nano
            position = entries[-1].end
        return sums

    def _next_batch(self) -> Batch:
        if self.applied >= self.journal.end:
            return Batch(self.applied, self.applied)
        return self.fresh.batch(self.applied, BATCH) or Batch.of(self.applied, self.journal.read(self.applied)[:BATCH])

    async def _cover(self, batch: Batch) -> bool:
        """Lease what the batch charges beyond its leases, as far as it is there.

        False where that was refused: then nothing is known of what is there, and the batch has to wait.
        """
        wishes: list[Grant] = []
        for bucket, nano in charges_of(batch.settles).items():
            missing = nano - self.account(bucket).chargeable if bucket != HOUSE else 0
            if missing > 0:
                wishes.append(Grant(bucket, 1, missing, 0, UNLIMITED))
        return not wishes or await self._attempt(Batch(self.applied, self.applied), wishes, ())

    async def _attempt(self, batch: Batch, wishes: Sequence[Grant], recall: Sequence[int], *, split: bool = False) -> bool:
        """Commit; False where that was refused.

        The first refusal is put down to a doubt about our own memory, the second one to the data.
        """
        try:
            await self._commit(batch, wishes, recall)
        except StoreAwayError:
            raise
        except StoreError as error:
            not_ours = isinstance(error, GuardError) and not (batch.moves and error.step == _USAGE_STEP)
            if not_ours or not (split or self._refused_at == batch.start):
                _log.warning("round refused", extra={"journal": self.journal.id, "error": str(error)})
                self._refused_at = batch.start
                await self.read_back()
            else:
                await self._bisect(batch, error)
            return False
        return True

    async def _bisect(self, batch: Batch, error: StoreError) -> None:
        """Commit the halves apart; a record that fails alone is parked."""
        if not batch.entries:
            self.sure = False
            raise error
        if len(batch.entries) == 1:
            entry = batch.entries[0]
            _log.error(
                "journal record parked", extra={"journal": self.journal.id, "position": entry.start, "error": str(error)}
            )
            await self._commit(Batch(batch.start, batch.end, [entry], bad=[(entry, str(error))]), (), ())
            return
        middle = len(batch.entries) // 2
        for start, entries in ((batch.start, batch.entries[:middle]), (batch.entries[middle].start, batch.entries[middle:])):
            if self.sure and self.applied == start:
                await self._attempt(Batch.of(start, entries), (), (), split=True)

    async def _commit(self, batch: Batch, wishes: Sequence[Grant], recall: Sequence[int]) -> None:
        started = self.clock.monotonic()
        try:
            plan = make_plan(batch.settles, self._chargeable(batch), self.journal.id)
        except ValueError as error:
            raise StatementError(str(error)) from error
        answered = sorted(self.recalled)
        changes = self._changes(plan)
        try:
            found = await self._write(batch, plan, changes, (wishes, recall, answered))
        except StoreAwayError:
            self.sure = False
            raise
        except StoreError:
            self._undo(changes)
            raise
        self._crash("flush.committed" if batch.moves else "grant.committed")
        self.turn += 1
        self.committed_at = started
        self.figures.rounds += 1
        if batch.moves:
            self.figures.note_flush(self.clock.monotonic() - started)
        self.figures.recalls += len(answered)
        self._note(batch, plan, changes)
        self.recalled.difference_update(answered)
        self._note_grants(wishes, found)

    async def _write(
        self,
        batch: Batch,
        plan: Plan,
        changes: Sequence[LeaseChange],
        rest: tuple[Sequence[Grant], Sequence[int], Sequence[int]],
    ) -> list[list[Row]]:
        """Gives the rows of the last steps: granted, free, (asked), situation, live, recalls."""
        wishes, recall, answered = rest
        dialect, me = self.db.dialect, self.incarnation
        work: list[Step] = [statements.take_turn(dialect, me, self.turn)]
        if batch.moves:
            counts = (min(self.floor, batch.end), len(batch.settles), len(batch.bad))
            work.append(statements.move_journal(dialect, self.journal.id, (batch.start, batch.end), counts))
            work += statements.write_plan(dialect, plan)
            work += [statements.park(dialect, self.journal.id, e.start, e.payload, text) for e, text in batch.bad]
        work += statements.change_leases(me, changes)
        touched = [
            *(c.bucket for c in changes if c.returned),
            *(wish.bucket for wish in wishes),
            *([HOUSE] if plan.house else ()),
        ]
        work += statements.lock_buckets(dialect, touched)
        work += [statements.refill_buckets(changes), *statements.pay_house(plan.house), statements.answer_recalls(me, answered)]
        work += statements.grant(me, wishes, SHARE * max(self.live, 1))
        work += statements.ask_back(dialect, me, recall, [wish.bucket for wish in wishes])
        work += [statements.count_live(dialect), statements.read_recalls(me)]
        self._crash("flush.planned")
        return (await self.db.change(work, self._crash))[-6:]

    def _chargeable(self, batch: Batch) -> dict[int, int]:
        return {bucket: self.account(bucket).chargeable for bucket in charges_of(batch.settles) if bucket != HOUSE}

    def _changes(self, plan: Plan) -> list[LeaseChange]:
        changes: list[LeaseChange] = []
        back = {self.idle.pop() for _ in range(min(len(self.idle), GIVE_BACK))} | self.recalled
        for bucket in {*plan.settled, *back}:
            account = self.accounts.get(bucket)
            if account is None:
                continue
            returned = account.give_back() if bucket in back else 0
            forget = not account.users and account.available <= 0
            changes.append(LeaseChange(bucket, plan.spent.get(bucket, 0), returned, forget))
        return changes

    def _undo(self, changes: Sequence[LeaseChange]) -> None:
        for change in changes:
            account = self.accounts[change.bucket]
            account.returning -= change.returned
            account.available += change.returned
            if change.returned:
                self.idle.add(change.bucket)

    def _note(self, batch: Batch, plan: Plan, changes: Sequence[LeaseChange]) -> None:
        """The transaction is committed: memory follows."""
        self.applied = batch.end
        now_ms = int(self.clock.monotonic() * 1000)
        for change in changes:
            account = self.accounts[change.bucket]
            settled = plan.settled.get(change.bucket, 0)
            account.flush(settled, change.spent)
            account.returned(change.returned)
            if settled:
                account.note_spend(settled, now_ms)
            if change.forget and account.granted == account.flushed:
                account.emptied()
            if account.forgettable:
                del self.accounts[change.bucket]
        for entry, _ in batch.bad:
            self._give_up(entry)
        self.figures.flushed += len(batch.settles)
        self.figures.rejects += len(batch.bad)
        self.figures.shortfalls += len(plan.shortfalls)
        self.figures.shortfall += sum(nano for _, nano in plan.shortfalls)

    def _give_up(self, entry: Entry) -> None:
        """A parked record charges nobody until somebody has looked at it."""
        try:
            record = read(entry.payload)
        except RecordError:
            return
        if isinstance(record, Settle | CallSettle):
            for bucket, nano in record.charges:
                if bucket in self.accounts:
                    self.accounts[bucket].flush(nano, 0)

    def _note_grants(self, wishes: Sequence[Grant], found: Sequence[list[Row]]) -> None:
        granted, free, _, situation, live, recalls = found
        left = {row[0]: row[1] for row in free}
        caps = {row[0]: row[2] is not None for row in free}
        self.live = max(live[0][0], 1)
        self.recalled.update(row[0] for row in recalls)
        self.short = {row[0]: Situation(*row[1:]) for row in situation if row[0] not in left}
        self.short.update({wish.bucket: Situation(0, 0, 0) for wish in wishes if wish.bucket not in {r[0] for r in situation}})
        limits = {wish.bucket: wish.thin for wish in wishes}
        for bucket, total in granted:
            account = self.account(bucket)
            account.slice = account.grant(total)
            account.cap = caps[bucket]
            account.granted_at = int(self.clock.monotonic() * 1000)
            if limits[bucket] < UNLIMITED:
                account.thin = (left[bucket] + account.slice) // (SHARE * self.live) < limits[bucket]
            self.figures.grants += 1
        self.figures.refused += len(self.short)


def _flat(statement: statements.Statement) -> tuple[str, ...]:
    return (statement.sql, *statement.values)
