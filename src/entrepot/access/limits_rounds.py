"""What a worker tells the database about its limits, and what it is told: rounds of one transaction each."""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from entrepot.access.limits_allowance import Allowance, Answer, Wish
from entrepot.access.limits_statements import ALIVE_US, RECOVERY, Statements
from entrepot.kit.clock import Clock
from entrepot.store.contract import Database, GuardError, Row, StatementError, StoreError

_log = logging.getLogger("entrepot.limits")

BATCH: Final = 200
"""Allowances in one transaction: each holds a lock on PostgreSQL."""
SWEEP: Final = 30.0
"""Seconds between two sweeps."""
HEARTBEAT: Final = 5.0
LAPSE: Final = ALIVE_US / 1_000_000
_STEP: Final = 0.5
"""Seconds by which the database's clock may differ from what we think before we follow: less is the way there and back."""


class Rounds:
    """One worker's talk with the database. Errors of the store never leave it."""

    def __init__(self, db: Database, clock: Clock, now: str | None = None) -> None:
        self.live = 1
        """Workers that share the limits, ourselves included."""
        self.away = False
        """The last round failed, or does not come back."""
        self._db = db
        self._clock = clock
        self._say = Statements(db.dialect, uuid.uuid4().hex, now)
        self._turn = -1
        self._doubt = True
        self._offset = clock.wall() - clock.monotonic()
        self._contact_at = clock.monotonic()
        self._swept_at = clock.monotonic()
        self._lapsed = False
        self._dropped: set[str] = set()

    @property
    def now(self) -> float:
        """The database's time in seconds, as far as we know it."""
        return self._clock.monotonic() + self._offset

    @property
    def due(self) -> bool:
        """Is it time for a round although nothing was asked?"""
        return self.away or bool(self._dropped) or self._clock.monotonic() - self._contact_at >= HEARTBEAT

    def drop(self, allowance: Allowance) -> None:
        """Forget an allowance; what it has leased goes back."""
        if allowance.granted:
            self._dropped.add(allowance.scope)

    async def run(self, asking: Iterable[Allowance], known: Mapping[str, Allowance]) -> bool:
        """Report and lease for those that are due; False where the database is away. `known` are all there are."""
        due = ((a, wish) for a in list(asking) if (wish := a.wish(self.now, self.live)) is not None)
        try:
            if self._doubt:
                await self._recover(known)
            while batch := list(islice(due, BATCH)):
                await self._round(batch, known)
            if self.due:
                await self._round([], known)
            await self._tidy(known)
        except StoreError as error:
            self._fail(error, known)
            return False
        if self.away:
            _log.warning("rate limits are shared again")
        self.away = self._lapsed = False
        return True

    async def close(self, known: Mapping[str, Allowance]) -> None:
        """Report the last uses and give all leases back."""
        if await self.run(known.values(), known):
            try:
                await self._db.transaction(self._say.end())
            except StoreError as error:
                _log.warning("leases of rate limits lapse by themselves", extra={"error": str(error)})

    async def _round(self, wishes: Sequence[tuple[Allowance, Wish]], known: Mapping[str, Allowance]) -> None:
        self._doubt = True
        try:
            said = await self._db.change(self._say.round(self._turn, [wish for _, wish in wishes], self.live))
        except GuardError:
            # Swept away as dead while we slept. Those who wait ask again.
            await self._recover(known)
            return
        self._doubt = False
        (turn, micros), granted, situation = said[0][0], dict(said[3]), {row[0]: row[1:] for row in said[4]}
        self._turn = turn
        self._follow(micros)
        self.live = max(said[6][0][0], 1)
        slots = _by_scope(said[5])
        for allowance, wish in wishes:
            used, others = situation[wish.scope]
            answer = Answer(granted[wish.scope], used, others, slots.get(wish.scope, ()))
            allowance.answer(wish, answer, self.now)

    async def _recover(self, known: Mapping[str, Allowance]) -> None:
        """Learn whether the last round came through, and what is leased."""
        began, leases = await self._db.change([self._say.begin(), self._say.read_leases()])
        turn, micros = began[0]
        came_through = (turn - self._turn) % RECOVERY == 1
        for allowance in known.values():
            if came_through:
                allowance.reported()
            else:
                allowance.failed()
        granted: dict[str, int] = dict(leases)
        for scope, allowance in known.items():
            allowance.reset(granted.pop(scope, 0))
        self._dropped.update(granted)
        self._turn, self._doubt = turn, False
        self._follow(micros)

    async def _tidy(self, known: Mapping[str, Allowance]) -> None:
        self._dropped.difference_update(
            [scope for scope in self._dropped if scope in known]
        )  # back already: its lease is set anew
        if self._dropped:
            gone = list(islice(self._dropped, BATCH * 10))
            await self._db.change([self._say.forget(gone)])
            self._dropped.difference_update(gone)
        if self._clock.monotonic() - self._swept_at >= SWEEP:
            self._swept_at = self._clock.monotonic()
            await self._db.transaction(self._say.sweep())

    def _follow(self, micros: int) -> None:
        self._contact_at = self._clock.monotonic()
        offset = micros / 1_000_000 - self._contact_at
        if abs(offset - self._offset) > _STEP:
            self._offset = offset

    def _fail(self, error: StoreError, known: Mapping[str, Allowance]) -> None:
        if not self.away:
            level = logging.ERROR if isinstance(error, StatementError) else logging.WARNING
            _log.log(level, "rate limits are not shared: %s", error)
        self.away = self._doubt = True
        if not self._lapsed and self._clock.monotonic() - self._contact_at >= LAPSE:
            self._lapsed = True
            for allowance in known.values():
                allowance.reset(0)


def _by_scope(rows: Iterable[Row]) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for scope, slot, used in rows:
        found.setdefault(scope, []).append((slot, used))
    return found
