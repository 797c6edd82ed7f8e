"""A disk that refuses the ends of calls: each is written once, later, in order; nothing is lost, nothing stays locked."""

import logging

import pytest

from entrepot.buckets.errors import FencedError
from tests.buckets.desks import Bank, refused
from tests.buckets.test_desk import hold


async def test_a_charge_that_the_disk_refuses_is_written_when_it_takes_it(bank: Bank, caplog: pytest.LogCaptureFixture) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    journal = desk.flusher.journal
    (await hold(desk, (wallet, 100_000))).settle(7, bank.line())
    held = await hold(desk, (wallet, 100))
    with caplog.at_level(logging.WARNING, "entrepot.buckets"):
        with refused(journal):
            position = held.settle(60, bank.line())
            await desk.synced(position)
            assert (position, held.open, desk.owed, desk.holds) == (journal.end, False, 1, 1)
            balance = await desk.balance(wallet)
            assert balance is not None
            assert balance.held == 100, "what it had reserved stays reserved"
            for _ in range(3):
                await desk.step()
            assert desk.owed == 1
        await desk.step()
        assert (desk.owed, desk.holds) == (0, 0)
    assert [record.message for record in caplog.records] == [
        "the journal takes no charges: kept in memory",
        "the journal takes charges again",
    ]
    with pytest.raises(RuntimeError, match="ends once"):
        held.settle(60, bank.line())
    await desk.close()
    assert (await bank.sound()).charged == 67
    assert await bank.total(wallet) == 1_000_000 - 67


async def test_nothing_is_admitted_meanwhile(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk(bank.options(patience=0.5))
    first, second = await hold(desk, (wallet, 100)), await hold(desk, (wallet, 100))
    with refused(desk.flusher.journal):
        first.settle(1, bank.line())
        assert desk.try_hold([(wallet, 1)]) is None
        with pytest.raises(FencedError, match="no room"):
            await desk.hold([(wallet, 1)])
        second.settle(2, bank.line())
    await desk.step()
    (await hold(desk, (wallet, 1))).release()
    await desk.close()
    assert (await bank.sound()).charged == 3


async def test_ends_keep_their_order_and_a_call_that_made_progress_can_still_be_free(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    lines = [bank.line() for _ in range(3)]
    held = [await hold(desk, (wallet, 100)) for _ in lines]
    held[1].progress(50, lines[1])
    with refused(desk.flusher.journal):
        held[0].settle(1, lines[0])
        held[1].release()
        held[1].release()
        held[2].settle(3, lines[2])
        assert desk.owed == 3
    await desk.step()
    assert (desk.owed, desk.flusher.open) == (0, {})
    for _ in range(2):
        await desk.step()
    assert await bank.db.fetch("SELECT id, charge FROM usage ORDER BY id") == [(lines[0].id, 1), (lines[2].id, 3)]
    await desk.close()
    assert (await bank.sound()).charged == 4


async def test_a_disk_that_never_comes_back_locks_nothing_and_the_log_has_what_is_lost(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    held, line = await hold(desk, (wallet, 100)), bank.line()
    with refused(desk.flusher.journal):
        held.settle(60, line)
        await desk.close()
    lost = [record for record in caplog.records if record.message.startswith("charge lost")]
    assert [record.__dict__["request_id"] for record in lost] == [line.id]
    assert "60" in lost[0].__dict__["record"]
    assert await bank.total(wallet) == 1_000_000
    assert (await bank.sound()).outstanding == 0
