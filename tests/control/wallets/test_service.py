"""Wallets on both databases: each reference once, never below zero, and the ledger always adds up."""

import asyncio
from pathlib import Path

import pytest

from entrepot.buckets.accounts import wallet_ref
from entrepot.control.bootstrap import bootstrap
from entrepot.control.errors import ConflictError, InvalidError, LeasedError, NotFoundError, ShortError
from entrepot.control.services import Services
from entrepot.control.settings import service as settings
from entrepot.control.users import service as users
from entrepot.control.users.schemas import UserCreate
from entrepot.control.wallets import entries, service
from entrepot.control.wallets.schemas import CreditCreate
from entrepot.kit.clock import SystemClock
from entrepot.store.raw import Database
from tests.buckets.desks import LIVELY, Bank

TEN = CreditCreate(amount="10", reference="invoice-1")


@pytest.fixture
async def alice(services: Services) -> str:
    async with services.transaction() as tx:
        await users.create(tx, UserCreate(name="alice"))
    return "alice"


async def sound(services: Services) -> None:
    async with services.reading() as tx:
        report = await entries.verify(tx)
    assert report.ok, report.findings


async def take(services: Services, amount: str, reference: str | None = None) -> bool:
    spec = CreditCreate(amount=f"-{amount}", kind="adjustment", reference=reference)
    return (await service.change(services, "alice", spec)).applied


async def total(services: Services, user: str = "alice") -> str:
    async with services.reading() as tx:
        return (await service.balance(tx, user)).total


async def test_a_wallet_is_made_with_its_user(services: Services, db: Database, alice: str) -> None:
    (row,) = await db.fetch("SELECT id FROM users WHERE name = $1", alice)
    found = await db.fetch("SELECT kind, remaining FROM buckets WHERE ref = $1", wallet_ref(row[0]))
    assert found == [("wallet", 0)]
    assert await db.fetch("SELECT ref FROM buckets ORDER BY id") == [("house",), (wallet_ref(row[0]),)]


async def test_the_same_reference_twice_changes_nothing_and_says_so(services: Services, alice: str) -> None:
    first = await service.change(services, alice, TEN)
    again = await service.change(services, alice, TEN)
    assert (first.applied, again.applied) == (True, False)
    assert (first.entry, again.balance.total) == (again.entry, "10")
    for other in (
        CreditCreate(amount="11", reference="invoice-1"),
        CreditCreate(amount="10", kind="gift", reference="invoice-1"),
    ):
        with pytest.raises(ConflictError, match="taken by a topup of 10 USD for 'alice'"):
            await service.change(services, alice, other)
    async with services.transaction() as tx:
        await users.create(tx, UserCreate(name="bob"))
    with pytest.raises(ConflictError):
        await service.change(services, "bob", TEN)
    assert await total(services, "bob") == "0"
    await sound(services)


async def test_twenty_at_once(services: Services, alice: str) -> None:
    found = await asyncio.gather(*(service.change(services, alice, TEN) for _ in range(20)))
    assert sum(one.applied for one in found) == 1
    assert await total(services) == "10"
    each = await asyncio.gather(*(service.change(services, alice, CreditCreate(amount="0.000000001")) for _ in range(20)))
    assert all(one.applied for one in each)
    assert await total(services) == "10.00000002"
    await sound(services)


async def test_an_adjustment_never_goes_below_zero(services: Services, alice: str) -> None:
    await service.change(services, alice, TEN)
    with pytest.raises(ShortError, match="holds 10 USD"):
        await take(services, "10.000000001")
    found = await asyncio.gather(*(take(services, "1.5") for _ in range(20)), return_exceptions=True)
    assert sorted(map(str, found)).count("True") == 6
    assert {type(one) for one in found if one is not True} == {ShortError}
    assert await total(services) == "1"
    assert [await take(services, "1", "last"), await take(services, "1", "last")] == [True, False]
    assert await total(services) == "0"
    await sound(services)


async def test_the_same_adjustment_at_once_is_taken_once(services: Services, alice: str) -> None:
    await service.change(services, alice, TEN)
    found = await asyncio.gather(*(take(services, "10", "all") for _ in range(20)))
    assert sum(found) == 1
    await sound(services)


async def test_money_that_workers_have_leased_is_asked_back(
    services: Services, db: Database, alice: str, tmp_path: Path
) -> None:
    await service.change(services, alice, TEN)
    bank = Bank(db, tmp_path)
    (wallet,) = [row[0] for row in await db.fetch("SELECT id FROM buckets WHERE kind = 'wallet'")]
    desk = await bank.desk(LIVELY, clock=SystemClock())
    held = await desk.hold([(wallet, 4_000_000_000)])
    async with services.reading() as tx:
        shown = await service.balance(tx, alice)
    assert (shown.total, shown.remaining, shown.outstanding) == ("10", "6", "4")
    with pytest.raises(LeasedError, match="held by calls that run"):
        await take(services, "7")
    waiting = asyncio.ensure_future(take(services, "7"))
    await asyncio.sleep(0.15)
    held.release()
    assert await waiting
    await desk.close()
    assert await total(services) == "3"
    await sound(services)


async def test_the_installation_has_no_wallet(services: Services) -> None:
    async with services.reading() as tx:
        shown = await service.balance(tx, "installation")
        assert (shown.unlimited, shown.total) == (True, "0")
        with pytest.raises(NotFoundError):
            await service.balance(tx, "nobody")
    with pytest.raises(InvalidError, match="no wallet to fill"):
        await service.change(services, "installation", TEN)


async def test_a_user_without_a_wallet_gets_one_at_the_first_credit(services: Services, db: Database, alice: str) -> None:
    await db.execute("DELETE FROM buckets WHERE kind = 'wallet'")
    assert await total(services) == "0"
    assert (await service.change(services, alice, TEN)).balance.total == "10"


async def test_more_than_can_be_counted(services: Services, alice: str) -> None:
    for _ in range(4):
        await service.change(services, alice, CreditCreate(amount="1000000000"))
    with pytest.raises(InvalidError, match="more than can be counted"):
        await service.change(services, alice, CreditCreate(amount="1000000000"))
    await sound(services)


async def test_an_opening_credit_belongs_to_one_user(services: Services, alice: str) -> None:
    async with services.transaction() as tx:
        assert "is paid" in await service.pay_opening(tx, alice, "5")
        assert await service.pay_opening(tx, alice, "5.0") == ""
        await users.remove(tx, alice)
        await users.create(tx, UserCreate(name=alice))
        assert "an earlier user" in await service.pay_opening(tx, alice, "5")
    assert await total(services) == "0"


async def test_what_was_noted_is_paid_at_the_next_start(services: Services, alice: str) -> None:
    async with services.transaction() as tx:
        await settings.write(tx, "opening:alice", "7")
        await settings.write(tx, "opening:nobody", "7")
        await settings.write(tx, "first_start", "1")
    assert await bootstrap(services) is None
    assert await bootstrap(services) is None
    assert await total(services) == "7"
    await sound(services)


async def test_a_crash_between_leaves_nothing(services: Services, alice: str, db: Database) -> None:
    class _CrashError(Exception):
        pass

    async def crash() -> None:
        async with services.transaction() as tx:
            await service.credit(tx, alice, TEN)
            raise _CrashError

    with pytest.raises(_CrashError):
        await crash()
    assert await db.fetch("SELECT 1 FROM ledger") == []
    assert (await service.change(services, alice, TEN)).applied
