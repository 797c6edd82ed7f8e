"""A worker's talk with the database: many at once, answers that are lost, weather."""

from collections.abc import Callable, Sequence

from entrepot.access.limits_allowance import Allowance
from entrepot.access.limits_rounds import BATCH, HEARTBEAT, LAPSE, Rounds
from entrepot.kit.clock import ManualClock
from entrepot.store.contract import nothing_between
from entrepot.store.raw import Database, Row, Step, StoreAwayError


class Weather:
    """A database whose line breaks: before a transaction reaches it, or after it was committed."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.dialect = db.dialect
        self.breaks = ""
        self.fetch, self.execute, self.read, self.transaction = db.fetch, db.execute, db.read, db.transaction
        self.listen, self.close = db.listen, db.close

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        if self.breaks == "before":
            raise StoreAwayError("before")
        rows = await self._db.change(work, between)
        if self.breaks == "after":
            raise StoreAwayError("after")
        return rows


def asking(rounds: Rounds, count: int) -> dict[str, Allowance]:
    known = {scope: Allowance(scope, "requests", 100, rounds.now) for scope in (f"key:{n}:requests" for n in range(count))}
    for allowance in known.values():
        allowance.take(rounds.now, 0)
        allowance.want(0)
    return known


async def test_more_than_one_batch(db: Database) -> None:
    rounds = Rounds(db, ManualClock(1_000.0))
    known = asking(rounds, 2 * BATCH + 7)
    assert await rounds.run(known.values(), known)
    assert all(allowance.granted == 10 for allowance in known.values())
    assert await db.fetch("SELECT count(*) FROM limit_leases") == [(2 * BATCH + 7,)]
    await rounds.close(known)
    assert await db.fetch("SELECT * FROM limit_leases") == []


async def test_uses_are_reported_once_whatever_breaks(db: Database) -> None:
    clock, weather = ManualClock(), Weather(db)
    rounds = Rounds(weather, clock)
    known = asking(rounds, 1)
    [allowance] = known.values()
    assert await rounds.run(known.values(), known)
    for breaks in ("before", "after", "before", "after"):
        for _ in range(3):
            allowance.take(rounds.now, 0)
            allowance.want(0)
            weather.breaks = breaks
            assert not await rounds.run(known.values(), known)
            assert rounds.away
        weather.breaks = ""
        assert await rounds.run(known.values(), known)
        assert not rounds.away
    clock.advance(1.0)
    await rounds.run(known.values(), known)
    assert await db.fetch("SELECT CAST(sum(used) AS BIGINT) FROM limit_uses") == [(13,)]
    assert await db.fetch("SELECT granted FROM limit_leases") == [(allowance.granted,)]


async def test_a_lease_lapses_where_nobody_answers(db: Database) -> None:
    clock, weather = ManualClock(), Weather(db)
    rounds = Rounds(weather, clock)
    known = asking(rounds, 1)
    [allowance] = known.values()
    await rounds.run(known.values(), known)
    weather.breaks = "before"
    clock.advance(LAPSE - 1)
    allowance.want(0)
    await rounds.run(known.values(), known)
    assert allowance.available > 0
    clock.advance(1)
    await rounds.run(known.values(), known)
    assert allowance.available == 0


async def test_heartbeats_and_what_is_forgotten(db: Database) -> None:
    clock = ManualClock()
    rounds = Rounds(db, clock)
    known = asking(rounds, 2)
    await rounds.run(known.values(), known)
    assert not rounds.due
    clock.advance(HEARTBEAT)
    assert rounds.due
    await rounds.run((), known)
    assert not rounds.due
    rounds.drop(known.pop("key:0:requests"))
    rounds.drop(known["key:1:requests"])  # and it is back already
    await rounds.run((), known)
    assert await db.fetch("SELECT scope FROM limit_leases") == [("key:1:requests",)]
    assert not rounds.due


async def test_workers_know_how_many_they_are(db: Database) -> None:
    clock = ManualClock()
    workers = [Rounds(db, clock) for _ in range(3)]
    for rounds in (*workers, *workers):
        clock.advance(HEARTBEAT)
        await rounds.run((), {})
    assert [rounds.live for rounds in workers] == [3, 3, 3]
