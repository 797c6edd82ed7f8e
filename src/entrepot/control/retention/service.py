"""Runs the rules: once an hour in the control process, and by `entrepot retention run`.

Every step is a short transaction of its own that may be cut anywhere and done again, by several nodes at once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Final

from entrepot.buckets.plan import HOUR_US
from entrepot.buckets.seal import DAY_US, UnsealableError
from entrepot.control.retention import rules, usage
from entrepot.control.retention.rules import HOURS, RULES, USAGE, Rule
from entrepot.control.retention.schemas import RetentionView, RuleView
from entrepot.kit.clock import iso
from entrepot.store.contract import ConflictError, Database, StoreAwayError
from entrepot.store.partitions import DEFAULT, day_of

_log = logging.getLogger("entrepot.retention")

Say = Callable[[str], None]
DROP_ATTEMPTS: Final = 5
DROP_PAUSE: Final = 2.0
"""Seconds between attempts to take an emptied partition away while somebody reads."""
_SAID: Final = 20
"""Steps between two words about progress."""


class Run:
    """One run over all rules."""

    def __init__(self, db: Database, days: dict[Rule, int], now: int, say: Say) -> None:
        self._db = db
        self._days = days
        self._now = now
        """Microseconds since 1970 UTC, the database's."""
        self._say = say
        self._rows = dict.fromkeys(RULES, 0)
        self._notes: dict[Rule, str] = {}

    @classmethod
    async def begin(cls, db: Database, say: Say) -> "Run":
        """With the settings and the time of the database. Raises StoreAwayError."""
        settings = await db.fetch("SELECT name, value FROM settings WHERE name LIKE 'retain%'")
        ((now,),) = await db.fetch(rules.horizon_sql(db.dialect))
        return cls(db, rules.days_of({str(name): str(value) for name, value in settings}), now, say)

    async def look(self) -> RetentionView:
        """What a run would delete. Raises StoreAwayError."""
        if self._days[USAGE]:
            for table in await usage.old_tables(self._db, self._first_day):
                self._rows[USAGE] += await usage.count_old(self._db, table, self._first_day)
        if self._fold_before:
            self._rows[HOURS] = await usage.count_hours(self._db, self._fold_before)
        for deletion in rules.DELETIONS:
            if self._days[deletion.rule]:
                self._rows[deletion.rule] += await rules.count(self._db, deletion, self._horizon(deletion.rule))
        return self._view()

    async def work(self) -> RetentionView:
        """Delete. What cannot be done now has a note and is left for the next run."""
        await self._try(USAGE, self._prepare)
        if self._days[USAGE]:
            await self._try(USAGE, self._usage)
        if self._fold_before:
            await self._try(HOURS, self._hours)
        for deletion in rules.DELETIONS:
            if self._days[deletion.rule]:
                await self._try(deletion.rule, lambda deletion=deletion: self._delete(deletion))
        return self._view()

    async def _prepare(self) -> None:
        for day in await usage.prepare_days(self._db, day_of(self._now)):
            self._say(f"usage: the partition of {day} is ready")

    async def _usage(self) -> None:
        for table in await usage.old_tables(self._db, self._first_day):
            done = await self._batches(
                USAGE, f"usage before {self._first_day} in {table}", lambda table=table: self._seal(table)
            )
            for _ in range(DROP_ATTEMPTS if table not in ("usage", DEFAULT) else 0):
                if await usage.drop_empty(self._db, table):
                    self._say(f"usage: {table} is gone, with {done} rows")
                    break
                if not await usage.is_empty(self._db, table):
                    break
                await asyncio.sleep(DROP_PAUSE)

    async def _seal(self, table: str) -> int:
        return await usage.seal_some(self._db, table, self._first_day)

    async def _hours(self) -> None:
        place = 0

        async def fold() -> int:
            nonlocal place
            rows, place = await usage.fold_some(self._db, self._fold_before, place)
            return rows

        await self._batches(HOURS, f"hours before {iso(self._fold_before * 3600)}", fold)

    async def _delete(self, deletion: rules.Deletion) -> None:
        horizon = self._horizon(deletion.rule)
        await self._batches(deletion.rule, deletion.table, lambda: rules.delete_some(self._db, deletion, horizon))

    async def _batches(self, rule: Rule, what: str, step: Callable[[], Awaitable[int]]) -> int:
        """Repeat a step until it finds nothing; half of the time is left to others."""
        loop, done, steps = asyncio.get_running_loop(), 0, 0
        while True:
            began = loop.time()
            rows = await step()
            if not rows:
                break
            done, steps = done + rows, steps + 1
            self._rows[rule] += rows
            if steps % _SAID == 0:
                self._say(f"{rule.name}: {done} rows of {what}")
            await asyncio.sleep(loop.time() - began)
        if done:
            self._say(f"{rule.name}: {done} rows of {what}, done")
        return done

    async def _try(self, rule: Rule, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except (UnsealableError, StoreAwayError, ConflictError) as error:
            _log.warning("retention left something for the next run", extra={"rule": rule.name, "error": str(error)})
            self._notes[rule] = str(error)

    def _horizon(self, rule: Rule) -> int:
        return self._now - self._days[rule] * DAY_US

    @property
    def _first_day(self) -> date:
        """The first day whose calls are kept."""
        return day_of(self._now) - timedelta(days=self._days[USAGE])

    @property
    def _fold_before(self) -> int:
        """The hour before which there are only days; 0: hours are kept.

        Never hours whose calls are still there: the proof compares them hour by hour.
        """
        if not self._days[HOURS] or not self._days[USAGE]:
            return 0
        days = max(self._days[HOURS], self._days[USAGE] + rules.LEAST_DAYS)
        return (self._now // DAY_US - days) * (DAY_US // HOUR_US)

    def _view(self) -> RetentionView:
        return RetentionView(
            data=[
                RuleView(
                    rule=rule.name,
                    setting=rule.setting,
                    days=self._days[rule],
                    rows=self._rows[rule],
                    note=self._notes.get(rule, ""),
                    meaning=rule.meaning,
                )
                for rule in RULES
            ]
        )
