"""The SQL of limits on both databases: grants, what counts, what is swept away."""

import pytest

from entrepot.access.limits_allowance import Wish
from entrepot.access.limits_statements import ALIVE_US, RECOVERY, Statements
from entrepot.store.raw import Database, GuardError

NOW = 1_800_000_000_000_000
SLOT = NOW // 1_000_000


def wish(scope: str = "s", limit: int = 10, keep: int = 0, more: int = 4, uses: tuple[tuple[int, int], ...] = ()) -> Wish:
    return Wish(scope, limit, keep, keep + min(more, 1), keep + more, 0, uses)


async def worker(db: Database, name: str, now: int = NOW) -> Statements:
    say = Statements(db.dialect, name, f"CAST({now} AS BIGINT)")
    assert (await db.change([say.begin()]))[0] == [(0, now)]
    return say


async def test_a_round(db: Database) -> None:
    one, two = await worker(db, "one"), await worker(db, "two")
    said = await db.change(one.round(0, [wish("b"), wish("a", uses=((SLOT, 3), (SLOT - 60, 2), (SLOT - 61, 9)))], 1))
    assert said[0] == [(1, NOW)]
    assert said[3:] == [[("a", 4), ("b", 4)], [("a", 5, 0), ("b", 0, 0)], [("a", SLOT - 60, 2), ("a", SLOT, 3)], [(2,)]]
    said = await db.change(two.round(0, [wish("a", uses=((SLOT, 1),))], 1))
    assert said[3:5] == [[("a", 0)], [("a", 6, 4)]]
    assert await db.fetch("SELECT used FROM limit_uses WHERE slot = $1", SLOT) == [(4,)]


async def test_a_turn_counts_once(db: Database) -> None:
    one = await worker(db, "one")
    await db.change(one.round(0, [wish()], 1))
    with pytest.raises(GuardError):
        await db.change(one.round(0, [wish()], 1))
    assert (await db.change([one.begin(), one.read_leases()])) == [[(1 + RECOVERY, NOW)], [("s", 4)]]
    await db.change([one.forget(["s", "t"])])
    assert (await db.change([one.read_leases()])) == [[]]


async def test_the_dead_count_for_nothing(db: Database) -> None:
    dead = await worker(db, "dead", NOW - ALIVE_US)
    await db.change(dead.round(0, [wish(more=9)], 1))
    one = await worker(db, "one")
    said = await db.change(one.round(0, [wish(more=9)], 1))
    assert (said[3], said[6]) == ([("s", 9)], [(1,)])


async def test_traces_of_a_wrong_clock(db: Database) -> None:
    one = await worker(db, "one")
    said = await db.change(one.round(0, [wish(uses=((SLOT + 3, 2), (SLOT + 3600, 8)))], 1))
    assert said[4] == [("s", 2, 0)]


async def test_the_sweep_and_the_end(db: Database) -> None:
    dead, one = await worker(db, "dead", NOW - 3 * ALIVE_US), await worker(db, "one")
    await db.change(dead.round(0, [wish()], 1))
    uses = ((SLOT, 1), (SLOT - 62, 1), (SLOT + 100, 1))
    await db.change(one.round(0, [wish(uses=uses), wish("gone", more=0), wish("t")], 1))
    await db.execute("INSERT INTO limit_leases (scope, worker, granted) VALUES ('s', 'nobody', 3)")
    await db.transaction(one.sweep())
    assert await db.fetch("SELECT slot FROM limit_uses") == [(SLOT,)]
    assert await db.fetch("SELECT worker, scope FROM limit_leases ORDER BY scope") == [("one", "s"), ("one", "t")]
    assert await db.fetch("SELECT id FROM limit_workers") == [("one",)]
    await db.transaction(one.end())
    assert await db.fetch("SELECT id FROM limit_workers") == []
    assert await db.fetch("SELECT * FROM limit_leases") == []
