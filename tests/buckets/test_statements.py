"""The policy in SQL is the policy in Python, and what a lease gains its bucket loses."""

import random

from entrepot.buckets import statements
from entrepot.buckets.accounts import open_bucket
from entrepot.buckets.lease import UNLIMITED
from entrepot.buckets.statements import Grant
from entrepot.store.contract import Step
from tests.buckets.desks import Bank


async def incarnation(bank: Bank) -> int:
    return (await bank.db.change([statements.begin_incarnation(bank.db.dialect, "test")]))[0][0][0]


def grant_amount(free: int, total: int, *, share: int, thin: int, target: int) -> int:
    """How much of `free` is leased when `total` is wanted: the policy of GRANT_AMOUNT in Python."""
    if free <= total:
        return free
    if free // share < thin:
        return total
    return max(total, min(target, free // share))


def test_the_policy_by_hand() -> None:
    """(free, total, live workers, unit, target) → lease."""
    table = [
        ((1_000_000, 10, 1, 10, 80), 80),  # rich, no history: eight holds
        ((1_000_000, 10, 1, 10, 5_000), 5_000),  # a minute of spend
        ((1_000_000, 10, 1, 10, 900_000), 250_000),  # at most a quarter
        ((1_000_000, 10, 5, 10, 900_000), 50_000),  # a quarter of a fifth
        ((319, 10, 1, 10, 80), 10),  # thin: exactly
        ((320, 10, 1, 10, 80), 80),
        ((15, 20, 1, 10, 80), 15),  # all there is
        ((1_000, 400, 1, 10, 80), 400),  # many wait: what they want
    ]
    for (free, total, live, unit, target), expected in table:
        assert grant_amount(free, total, share=4 * live, thin=8 * unit, target=target) == expected


async def test_grants_follow_the_policy(bank: Bank) -> None:
    me = await incarnation(bank)
    source = random.Random(7)
    buckets = [await open_bucket(bank.db, "quota", f"q{n}", source.choice([0, 1, 50, 1000, 10**6, 10**15])) for n in range(60)]
    await bank.db.execute("UPDATE buckets SET lack = 40 WHERE id % 7 = 0")
    free = dict(await bank.db.fetch("SELECT id, remaining - lack FROM buckets"))
    wishes = [
        Grant(
            bucket,
            source.choice([1, 30]),
            source.choice([30, 100, 700]),
            source.choice([0, 80, 5000, UNLIMITED]),
            source.choice([8, 800, UNLIMITED]),
        )
        for bucket in buckets
    ]
    work: list[Step] = [*statements.lock_buckets(bank.db.dialect, buckets), *statements.grant(me, wishes, 8)]
    granted, left = (await bank.db.change(work))[-2:]
    expected = {
        wish.bucket: grant_amount(free[wish.bucket], wish.total, share=8, thin=wish.thin, target=wish.target)
        for wish in wishes
        if free[wish.bucket] >= wish.least
    }
    assert dict(granted) == expected
    assert {row[0]: row[1] for row in left} == {bucket: free[bucket] - nano for bucket, nano in expected.items()}
    # A second time adds to the same rows.
    again, _ = (await bank.db.change(work))[-2:]
    assert {bucket for bucket, total in again if total <= expected[bucket]} == set()
    assert not await bank.db.fetch("SELECT id FROM buckets WHERE remaining < 0")


async def test_turns(bank: Bank) -> None:
    me = await incarnation(bank)
    dialect = bank.db.dialect
    assert await bank.db.change([statements.take_turn(dialect, me, 0)]) == [[(1,)]]
    assert await bank.db.change([statements.force_turn(dialect, me)]) == [[(2,)]]
    for step in (statements.take_turn(dialect, me, 1), statements.retire_own(me, 1)):
        assert await bank.db.fetch(step.sql, *step.values) == []
    assert len(await bank.db.change([statements.retire_own(me, 2)])) == 1
    for step in (statements.take_turn(dialect, me, 3), statements.force_turn(dialect, me)):
        assert await bank.db.fetch(step.sql, *step.values) == []


async def test_recalls_reach_only_live_others_with_something_left(bank: Bank) -> None:
    bucket = await open_bucket(bank.db, "quota", "q", 1000)
    me, idle, spent, gone = [await incarnation(bank) for _ in range(4)]
    for who, used in ((me, 0), (idle, 0), (spent, 100), (gone, 0)):
        await bank.db.execute("INSERT INTO leases VALUES ($1, $2, 100, $3)", bucket, who, used)
    await bank.db.execute("UPDATE incarnations SET state = 'retired' WHERE id = $1", gone)
    _, situation = await bank.db.change(statements.ask_back(bank.db.dialect, me, [bucket], [bucket]))
    assert situation == [(bucket, 1000, 300, 1)]
    assert await bank.db.fetch("SELECT incarnation_id FROM recalls") == [(idle,)]
    await bank.db.change([statements.answer_recalls(idle, [bucket])])
    _, situation = await bank.db.change(statements.ask_back(bank.db.dialect, me, [], [bucket]))
    assert situation[0][3] == 0
