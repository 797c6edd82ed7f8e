"""Buckets as control sees them, on both databases."""

import asyncio

import pytest

from entrepot.buckets import accounts
from entrepot.buckets.errors import InsufficientError
from entrepot.store.contract import ConflictError, GuardError
from tests.buckets.desks import Bank


async def test_made_once_and_found(bank: Bank) -> None:
    made = [await accounts.open_bucket(bank.db, "wallet", accounts.wallet_ref(7)) for _ in range(2)]
    quota = await accounts.open_bucket(bank.db, "quota", accounts.quota_ref(7), 500)
    assert made[0] == made[1]
    assert await accounts.find(bank.db, ["wallet:user:7", "quota:key:7", "nothing"]) == {
        "wallet:user:7": made[0],
        "quota:key:7": quota,
    }
    assert await accounts.balance(bank.db, quota) == (500, 0, 0, 500)
    with pytest.raises(ConflictError):
        await accounts.open_bucket(bank.db, "purse", "x")


async def test_credit_and_charge_once_for_each_reference(bank: Bank) -> None:
    wallet = await bank.wallet(100)
    done = await asyncio.gather(
        *(accounts.credit(bank.db, wallet, 50, kind="redeem", reference="code:1") for _ in range(4)),
        *(accounts.charge(bank.db, wallet, 30, kind="task", reference="task:1") for _ in range(4)),
    )
    assert sorted(done) == [False] * 6 + [True] * 2
    assert await bank.total(wallet) == 120
    with pytest.raises(InsufficientError):
        await accounts.charge(bank.db, wallet, 121, kind="task", reference="task:2")
    assert not await accounts.charge(bank.db, wallet, 10**9, kind="task", reference="task:1"), "charged before"
    with pytest.raises(GuardError):
        await accounts.credit(bank.db, await bank.quota(1), 5, kind="gift", reference="gift:1")
    with pytest.raises(ValueError, match="below zero"):
        await accounts.credit(bank.db, wallet, -5, kind="gift", reference="gift:2")
    with pytest.raises(ValueError, match="below zero"):
        await accounts.charge(bank.db, wallet, -5, kind="gift", reference="gift:3")
    await bank.sound()


async def test_only_as_many_charges_as_the_wallet_pays(bank: Bank) -> None:
    wallet = await bank.wallet(20 * 7 + 6)
    tries = [accounts.charge(bank.db, wallet, 7, kind="task", reference=f"t{n}") for n in range(60)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert [result for result in results if result is True] == [True] * 20
    assert {type(result) for result in results if result is not True} == {InsufficientError}
    assert await bank.total(wallet) == 6


async def test_a_limit_that_is_lowered_and_raised(bank: Bank) -> None:
    quota = await bank.quota(1000)
    await bank.db.execute("UPDATE buckets SET remaining = 200 WHERE id = $1", quota)  # 800 were used
    for cap, free in ((900, 100), (500, -300), (700, -100), (850, 50), (1000, 200), (0, -800), (800, 0)):
        await accounts.set_cap(bank.db, quota, cap)
        balance = await accounts.balance(bank.db, quota)
        assert balance is not None
        assert (balance.remaining, balance.cap) == (free, cap)
    with pytest.raises(GuardError):
        await accounts.set_cap(bank.db, await bank.wallet(5), 10)
    await bank.sound()
