"""Hold, grow, settle, release as billing sees them, on both databases."""

import asyncio
import dataclasses

import pytest

from entrepot.buckets import accounts
from entrepot.buckets.desk import BACKLOG, Buckets
from entrepot.buckets.errors import FencedError, InsufficientError, OnHoldError
from entrepot.buckets.held import Held
from entrepot.buckets.plan import HOUSE
from entrepot.kit.clock import SystemClock
from tests.buckets.desks import LIVELY, Bank


async def hold(desk: Buckets, *wants: tuple[int, int]) -> Held:
    """A hold with the desk stepping by hand."""
    task = asyncio.ensure_future(desk.hold(wants))
    for _ in range(20):
        await asyncio.sleep(0)
        if task.done():
            break
        await desk.step()
    return await task


async def test_hold_settle_flush_and_close(bank: Bank) -> None:
    wallet, quota = await bank.wallet(1_000_000), await bank.quota(500_000)
    desk = await bank.desk()
    assert desk.try_hold([(wallet, 100), (quota, 100)]) is None
    held = await hold(desk, (wallet, 100), (quota, 100))
    assert held.amounts == {wallet: 100, quota: 100}
    assert (desk.holds, desk.lag) == (1, 0)
    assert desk.outstanding >= 200
    held.settle(60, bank.line(prompt_tokens=7))
    assert desk.holds == 0
    assert desk.lag > 0
    again = desk.try_hold([(wallet, 100), (quota, 100)])
    assert again is not None, "a rich account is leased ahead"
    again.release()
    await desk.step()
    assert await bank.total(wallet) == 1_000_000 - 60
    assert await bank.total(quota) == 500_000 - 60
    report = await bank.sound()
    assert (report.charged, report.posted, report.shortfall) == (60, 60, 0)
    assert report.outstanding > 0
    await desk.close()
    report = await bank.sound()
    assert (report.outstanding, report.remaining, report.open_journals) == (0, 1_000_000 - 60, 0)
    rows = await bank.db.fetch("SELECT charge, wallet_id, prompt_tokens, held FROM usage")
    assert rows == [(60, wallet, 7, 100)]
    assert await bank.db.fetch("SELECT calls, prompt_tokens, charge FROM usage_hourly") == [(1, 7, 60)]


async def test_thin_account_leases_exactly_and_gives_back(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    assert await bank.db.fetch("SELECT granted FROM leases") == [(100,)]
    held.settle(30, bank.line())
    await desk.step()
    assert await bank.db.fetch("SELECT * FROM leases") == []
    assert await bank.db.fetch("SELECT remaining FROM buckets WHERE id = $1", wallet) == [(970,)]
    assert wallet not in desk.flusher.accounts
    await bank.sound()
    await desk.close()


async def test_truly_short_on_hold_and_unknown(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk, other = await bank.desk(), await bank.desk()
    with pytest.raises(InsufficientError) as short:
        await hold(desk, (wallet, 1001))
    assert (short.value.bucket, short.value.missing) == (wallet, 1)
    with pytest.raises(InsufficientError):
        await hold(desk, (9999, 1))
    held = await hold(other, (wallet, 900))
    waiting = asyncio.ensure_future(desk.hold([(wallet, 200)]))
    for _ in range(8):
        await asyncio.sleep(0)
        await desk.step()
        await other.step()
    with pytest.raises(OnHoldError):
        await waiting
    held.release()
    await other.step()
    (await hold(desk, (wallet, 200))).release()
    await bank.sound()
    await desk.close()
    await other.close()


async def test_all_or_none_over_several_buckets(bank: Bank) -> None:
    wallet, quota = await bank.wallet(1_000_000), await bank.quota(50)
    desk = await bank.desk()
    with pytest.raises(InsufficientError) as short:
        await hold(desk, (wallet, 100), (quota, 100))
    assert short.value.bucket == quota
    assert desk.flusher.accounts[wallet].held == 0
    held = await hold(desk, (wallet, 50), (quota, 50))
    assert desk.try_hold([(wallet, 1), (quota, 1)]) is None
    assert desk.flusher.accounts[wallet].held == 50
    held.release()
    await desk.close()
    assert await bank.total(wallet) == 1_000_000


async def test_bill_beyond_the_hold_and_beyond_the_wallet(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    held.settle(700, bank.line())
    await desk.step()
    assert await bank.total(wallet) == 300
    held = await hold(desk, (wallet, 100))
    held.settle(450, bank.line())
    await desk.step()
    assert await bank.total(wallet) == 0
    report = await bank.sound()
    assert (report.charged, report.shortfall) == (1000, 150)
    assert await bank.db.fetch("SELECT remaining FROM buckets WHERE id = $1", HOUSE) == [(-150,)]
    assert desk.figures.shortfall == 150
    await desk.close()
    await bank.sound()


async def test_house_account_needs_no_lease(bank: Bank) -> None:
    desk = await bank.desk()
    held = desk.try_hold([(HOUSE, 10**15)])
    assert held is not None
    assert held.grow(10**15)
    held.settle(123, bank.line())
    await desk.step()
    report = await bank.sound()
    assert (report.charged, report.posted, report.remaining) == (123, 123, -123)
    await desk.close()


async def test_growth_leases_ahead(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    assert not held.grow(100)
    await desk.step()
    for round_ in range(8):
        assert held.grow(100), round_
        await desk.step()
    assert held.amounts == {wallet: 900}
    assert held.grow(100)
    assert not held.grow(1)
    held.settle(1000, bank.line())
    await desk.close()
    assert (await bank.sound()).charged == 1000


async def test_growth_that_waits(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk(LIVELY, clock=SystemClock())
    held = await desk.hold([(wallet, 100)])
    await held.grow_wait(800)
    assert held.amounts == {wallet: 900}
    with pytest.raises(InsufficientError):
        await held.grow_wait(101)
    held.release()
    await desk.close()
    assert (await bank.sound()).remaining == 1000


async def test_ends_once(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    held.settle({wallet: 1}, bank.line())
    with pytest.raises(RuntimeError):
        held.settle(1, bank.line())
    with pytest.raises(RuntimeError):
        held.grow(1)
    held.release()
    await desk.close()
    assert (await bank.sound()).charged == 1


async def test_fenced_without_a_commit(bank: Bank) -> None:
    """120 s without a commit: nothing is admitted and nothing grows, but what runs can settle."""
    wallet = await bank.wallet(10_000_000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    bank.clock.advance(119)
    other = desk.try_hold([(wallet, 1)])
    assert other is not None
    bank.clock.advance(2)
    assert desk.fenced
    assert desk.try_hold([(wallet, 1)]) is None
    assert desk.try_hold([(HOUSE, 1)]) is None
    assert not held.grow(1)
    with pytest.raises(FencedError):
        await desk.hold([(wallet, 1)])
    with pytest.raises(FencedError):
        await held.grow_wait(1)
    held.settle(50, bank.line())
    other.release()
    await desk.step()
    assert not desk.fenced
    (await hold(desk, (wallet, 1))).release()
    await desk.close()
    assert (await bank.sound()).charged == 50


async def test_two_hundred_calls_on_money_for_twenty(bank: Bank) -> None:
    """Over two workers: exactly as many as the balance pays, with a quota and a team limit beside it."""
    wallet, quota, team = await bank.wallet(20 * 70 + 69), await bank.quota(10**9), await bank.quota(10**6)
    desks = [await bank.desk(LIVELY, clock=SystemClock()) for _ in range(2)]
    wants = [(wallet, 70), (quota, 70), (team, 70)]
    results = await asyncio.gather(*(desks[n % 2].hold(wants) for n in range(200)), return_exceptions=True)
    held = [result for result in results if isinstance(result, Held)]
    refused = [result for result in results if not isinstance(result, Held)]
    assert len(held) == 20
    assert {type(error) for error in refused} == {OnHoldError}, "none is refused for good: the calls might cost less"
    for one in held[:19]:
        one.settle(70, bank.line())
    held[19].release()
    last = await desks[0].hold(wants)
    last.settle(70, bank.line())
    await asyncio.sleep(0.1)
    with pytest.raises(InsufficientError):
        await desks[1].hold(wants)
    for desk in desks:
        await desk.close()
    report = await bank.sound()
    assert (report.charged, report.remaining, report.outstanding) == (1400, 69, 0)
    assert await bank.total(quota) == 10**9 - 1400


async def test_charge_now_recalls_leases(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    lender, desk = await bank.desk(LIVELY, clock=SystemClock()), await bank.desk(LIVELY, clock=SystemClock())
    held = await lender.hold([(wallet, 1000)])
    own = await desk.hold([(wallet, 500)])
    assert (await accounts.balance(bank.db, wallet)).remaining < 995_000  # type: ignore[union-attr]
    assert await desk.charge_now(wallet, 995_000, "task", "task:1")
    assert not await desk.charge_now(wallet, 995_000, "task", "task:1"), "once for each reference"
    with pytest.raises(OnHoldError):
        await desk.charge_now(wallet, 4_000, "task", "task:2")
    held.release()
    own.release()
    assert await desk.charge_now(wallet, 4_000, "task", "task:2")
    with pytest.raises(InsufficientError):
        await desk.charge_now(wallet, 2_000, "task", "task:3")
    assert await desk.credit(wallet, 2_000, "refund", "refund:task:1")
    assert not await desk.credit(wallet, 2_000, "refund", "refund:task:1")
    await lender.close()
    await desk.close()
    assert await bank.total(wallet) == 3_000
    await bank.sound()


async def test_caller_that_leaves_while_money_comes(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    desk = await bank.desk()
    for _ in range(3):
        held = await hold(desk, (wallet, 900))
        task = asyncio.ensure_future(desk.hold([(wallet, 800)]))
        await asyncio.sleep(0)
        held.release()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await desk.step()
    (await hold(desk, (wallet, 1000))).release()
    await desk.close()
    assert (await bank.sound()).remaining == 1000


async def test_idle_leases_go_back(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    (await hold(desk, (wallet, 100))).settle(10, bank.line())
    await desk.step()
    assert (await bank.sound()).outstanding > 0
    bank.clock.advance(80)
    await desk.step()
    bank.clock.advance(20)
    await desk.step()
    report = await bank.sound()
    assert (report.outstanding, report.remaining) == (0, 999_990)
    assert desk.flusher.accounts == {}
    await desk.close()


async def test_balance_shows_what_is_settled_and_not_flushed(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    first, second = await hold(desk, (wallet, 100)), await hold(desk, (wallet, 200))
    first.settle(40, bank.line())
    balance = await desk.balance(wallet)
    assert balance is not None
    assert (balance.total, balance.held) == (999_960, 200)
    assert await desk.balance(4711) is None
    second.release()
    await desk.close()


async def test_a_backlog_does_not_wait_for_the_tick(bank: Bank) -> None:
    wallet = await bank.wallet(100_000_000)
    desk = await bank.desk(dataclasses.replace(LIVELY, tick=30.0), clock=SystemClock())
    first = await desk.hold([(wallet, 1_000_000)])
    for _ in range(1500):
        held = desk.try_hold([(wallet, 10)])
        assert held is not None
        held.settle(1, bank.line())
    first.release()
    assert desk.lag > BACKLOG
    desk._wake.set()
    for _ in range(500):
        if desk.lag <= BACKLOG:
            break
        await asyncio.sleep(0.01)
    assert desk.lag <= BACKLOG
    await desk.close()
    assert (await bank.sound()).charged == 1500
