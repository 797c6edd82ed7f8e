"""A hold from the inside: amounts by bucket, and what is refused."""

import pytest

from tests.buckets.desks import Bank
from tests.buckets.test_desk import hold


async def test_amounts_may_differ_by_bucket(bank: Bank) -> None:
    wallet, quota = await bank.wallet(1_000_000), await bank.quota(1_000_000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100), (quota, 10))
    assert held.grow({wallet: 5})
    assert held.amounts == {wallet: 105, quota: 10}
    position = held.settle({wallet: 50, quota: 1}, bank.line())
    assert position == desk.flusher.journal.end
    await desk.synced(position)
    await desk.close()
    assert (await bank.total(wallet), await bank.total(quota)) == (999_950, 999_999)
    assert await bank.db.fetch("SELECT charge, held FROM usage") == [(50, 105)]


async def test_growth_is_all_or_none(bank: Bank) -> None:
    wallet, quota = await bank.wallet(1_000_000), await bank.quota(100)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 10), (quota, 60))
    await desk.step()
    assert not held.grow(50)
    assert held.amounts == {wallet: 10, quota: 60}
    with pytest.raises(ValueError, match="below zero"):
        held.grow(-1)
    with pytest.raises(ValueError, match="below zero"):
        held.settle({wallet: -1}, bank.line())
    held.release()
    held.release()
    await desk.close()
    assert (await bank.sound()).charged == 0


async def test_progress_keeps_the_floor_until_the_end(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 10))
    held.progress(1, line := bank.line())
    assert desk.flusher.floor == 0
    held.progress(2, line)
    assert 0 < desk.flusher.floor < desk.flusher.journal.end
    held.release()
    assert desk.flusher.floor == desk.flusher.journal.end
    await desk.close()


async def test_synced_waits_for_the_disk(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk(bank.options(durability="fsync"))
    position = (await hold(desk, (wallet, 10))).settle(1, bank.line())
    assert desk.flusher.journal._synced < position
    await desk.synced(position)
    assert desk.flusher.journal._synced >= position
    await desk.close()
