"""The hand that finds idle leases: all of them in time, few at once, and quicker where there are too many."""

import asyncio

from entrepot.buckets.lease import Account
from entrepot.buckets.sweep import LOOKS, Sweep
from entrepot.kit.clock import SystemClock
from tests.buckets.desks import Bank

IDLE = 60.0


def accounts_of(count: int, at: float = 0.0) -> dict[int, Account]:
    made = {bucket: Account(bucket, 100) for bucket in range(2, count + 2)}
    for account in made.values():
        account.granted_at = int(at * 1000)
    return made


def test_all_are_found_within_a_quarter_of_the_time_and_never_many_at_once() -> None:
    accounts = accounts_of(30_000)
    sweep = Sweep(IDLE, 100.0)
    found: set[int] = set()
    for tick in range(1, 62):  # a quarter of a second each
        step = sweep.step(accounts, 100.0 + tick / 4)
        assert len(step) <= 30_000 // 60 + 1
        found.update(step)
    assert found == set(accounts)


def test_a_few_are_found_too() -> None:
    accounts = accounts_of(2)
    sweep = Sweep(IDLE, 100.0)
    found = [bucket for tick in range(1, 80) for bucket in sweep.step(accounts, 100.0 + tick / 4)]
    assert set(found) == {2, 3}


def test_what_is_used_stays() -> None:
    accounts = accounts_of(4)
    accounts[2].users = 1
    accounts[3].granted_at = 95_000
    accounts[4].minute_at = 95_000
    assert Sweep(IDLE, 0.0).step(accounts, 100.0) == [5]
    assert sorted(Sweep(IDLE, 0.0).step(accounts, 160.0)) == [3, 4, 5]


def test_who_is_gone_is_not_named() -> None:
    accounts = accounts_of(10)
    sweep = Sweep(IDLE, 100.0)
    sweep.step(accounts, 103.0)
    gone = accounts.pop(9)
    accounts[9] = Account(9)
    assert gone.bucket not in sweep.step(accounts, 115.0)


def test_beyond_the_bound_a_second_without_use_is_enough() -> None:
    sweep = Sweep(IDLE, 100.0, most=1000)
    accounts = accounts_of(3000, at=98.0)
    found = sweep.step(accounts, 100.0)
    assert len(found) == 3000
    accounts = accounts_of(1000, at=98.0)
    assert sweep.step(accounts, 100.3) == []
    accounts = accounts_of(50_000, at=99.5)
    assert sweep.step(accounts, 100.4) == [], "used within the second"
    assert len(sweep.step(accounts, 102.0)) == LOOKS


async def test_a_crowd_of_cold_accounts_leaves_memory_and_leases_bounded(bank: Bank) -> None:
    """Each account has one call; more come than may stay."""
    most = 40
    wallets = [await bank.wallet(1_000_000) for _ in range(300)]
    desk = await bank.desk(bank.options(background=True, tick=0.01, retry=0.002, accounts=most), clock=SystemClock())
    waiting = iter(wallets)

    async def caller() -> None:
        for wallet in waiting:
            (await desk.hold([(wallet, 100)])).settle(1, bank.line())
            await asyncio.sleep(0.02)

    await asyncio.gather(*(caller() for _ in range(8)))
    async with asyncio.timeout(20):
        while len(desk.flusher.accounts) > most or desk.lag:
            await asyncio.sleep(0.05)
    ((leases,),) = await bank.db.fetch("SELECT count(*) FROM leases")
    assert leases <= most
    assert (await bank.sound()).charged == 300
    await desk.close()
