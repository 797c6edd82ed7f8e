"""The one writer: turns, batches, many workers at once."""

import asyncio
import logging
import random

import pytest

from entrepot.buckets.desk import Buckets
from entrepot.buckets.errors import RefusedError
from entrepot.buckets.flusher import BATCH
from entrepot.kit.clock import SystemClock
from tests.buckets.desks import LIVELY, Bank
from tests.buckets.test_desk import hold


async def test_a_long_journal_goes_in_batches(bank: Bank) -> None:
    wallet = await bank.wallet(10_000_000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100_000))
    for _ in range(BATCH + 50):
        one = desk.try_hold([(wallet, 10)])
        assert one is not None
        one.settle(3, bank.line())
    await desk.step()
    assert desk.figures.flushed <= BATCH
    assert desk.lag > 0
    held.release()
    await desk.flusher.drain()
    assert (await bank.sound()).charged == 3 * (BATCH + 50)
    await desk.close()


async def test_somebody_elses_turn_is_noticed(bank: Bank) -> None:
    """As if a transaction of ours had come through after its answer was lost."""
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    (await hold(desk, (wallet, 100))).settle(5, bank.line())
    await bank.db.execute("UPDATE incarnations SET turn = turn + 3")
    await desk.step()
    assert (await bank.sound()).charged == 0
    await desk.step()
    assert (await bank.sound()).charged == 5
    await desk.close()


async def test_an_observers_row_gives_way_to_the_journals(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    line = bank.line(prompt_tokens=9)
    await bank.db.execute(
        "INSERT INTO usage (id, day, arrived_at, operation, dialect, status, outcome, model, stream, address, basis, "
        "prompt_tokens, output_tokens, total_us, bytes_in, bytes_out) "
        "VALUES ($1, '20270115', 0, 'chat', 'chat', 200, 'ok', 'm', 0, 'a', 'vendor', 1, 1, 1, 1, 1)",
        line.id,
    )
    (await hold(desk, (wallet, 100))).settle(5, line)
    await desk.step()
    assert await bank.db.fetch("SELECT charge, prompt_tokens FROM usage") == [(5, 9)]
    await bank.sound()
    await desk.close()


async def test_many_accounts_leave_nothing_behind(bank: Bank) -> None:
    wallets = [await bank.wallet(1000) for _ in range(40)]
    desk = await bank.desk(LIVELY, clock=SystemClock())
    held = await asyncio.gather(*(desk.hold([(wallet, 300)]) for wallet in wallets))
    assert desk.figures.grants == 40
    assert desk.figures.rounds < 20, "waiting accounts share a transaction"
    for one in held:
        one.settle(1, bank.line())
    for _ in range(100):
        if not desk.flusher.accounts:
            break
        await asyncio.sleep(0.01)
    assert desk.flusher.accounts == {}
    assert await bank.db.fetch("SELECT * FROM leases") == []
    await desk.close()
    assert (await bank.sound()).charged == 40


async def test_workers_that_share_everything(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    """Four desks, few wallets, one quota, all at once: no deadlock, no refused round, every sum holds throughout."""
    wallets = [await bank.wallet(n) for n in (3_000, 20_000, 1_000_000)]
    quota = await bank.quota(500_000)
    desks = [await bank.desk(LIVELY, clock=SystemClock()) for _ in range(4)]
    source = random.Random(3)
    charged: list[int] = []

    async def caller(desk: Buckets) -> None:
        for _ in range(25):
            wallet = source.choice(wallets)
            nano = source.choice([10, 200, 900])
            try:
                held = await desk.hold([(wallet, nano), (quota, nano)])
            except RefusedError:
                continue
            await asyncio.sleep(0.002)
            held.grow(50)
            charge = source.randrange(nano)
            held.settle(charge, bank.line(arrived_at=1_800_000_000_000_000 + source.randrange(4) * 3_600_000_000))
            charged.append(charge)

    with caplog.at_level(logging.WARNING, "entrepot.buckets"):
        await asyncio.gather(*(caller(desk) for desk in desks for _ in range(3)))
        await bank.sound()
        for desk in desks:
            await desk.close()
    assert [record.getMessage() for record in caplog.records] == []
    report = await bank.sound()
    assert (report.charged, report.shortfall, report.outstanding) == (sum(charged), 0, 0)
    assert await bank.total(quota) == 500_000 - sum(charged)
