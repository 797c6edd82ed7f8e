"""Whoever touches money by hand is found out."""

import asyncio

import pytest

from entrepot.buckets.verify import verify
from tests.buckets.desks import Bank
from tests.buckets.test_desk import hold

DEEDS = [
    ("UPDATE buckets SET remaining = remaining + 1 WHERE kind = 'wallet'", "I2"),
    ("UPDATE buckets SET remaining = remaining + 31 WHERE kind = 'quota'", "I1"),
    ("UPDATE ledger SET amount = amount - 1 WHERE kind = 'usage'", "I4"),
    ("UPDATE ledger SET amount = amount + 1 WHERE kind = 'topup'", "I2"),
    ("DELETE FROM usage WHERE charge = 10", "I3"),
    ("UPDATE usage SET charge = charge + 5 WHERE charge = 10", "I4"),
    ("UPDATE usage SET arrived_at = arrived_at + 7200000000 WHERE charge = 10", "I4"),
    ("UPDATE usage SET shortfall = 5 WHERE charge = 10", "I4"),
    ("UPDATE usage_hourly SET charge = charge + 1", "I4"),
    ("UPDATE ledger SET reference = 'usage:nobody' WHERE kind = 'usage'", "I4"),
    ("UPDATE ledger SET reference = reference || '0' WHERE kind = 'usage'", "I4"),
    ("UPDATE journals SET settled = settled + 1", "I3"),
    ("UPDATE leases SET spent = spent + 1", "I2"),
    ("UPDATE incarnations SET state = 'retired'", "I5"),
    ("INSERT INTO journal_rejects VALUES ('j', 1, 'x', 'why', 0)", "I3"),
    (
        "INSERT INTO ledger (bucket_id, kind, amount, reference, at) SELECT id, 'gift', 0, 'g', 0 FROM buckets WHERE cap > 0",
        "I2",
    ),
]


@pytest.mark.parametrize(("deed", "rule"), DEEDS)
async def test_finds(bank: Bank, deed: str, rule: str) -> None:
    wallet, quota = await bank.wallet(1_000_000), await bank.quota(1_000_000)
    desk = await bank.desk()
    for charge in (10, 20):
        (await hold(desk, (wallet, 100), (quota, 100))).settle(charge, bank.line())
    await desk.step()
    report = await bank.sound()
    assert (report.wallets, report.ledger, report.charged, report.posted, report.open_journals) == (1, 999_970, 30, 30, 1)
    assert await bank.db.execute(deed) > 0
    found = await verify(bank.db)
    assert not found.ok
    assert rule in {finding[:2] for finding in found.findings}
    desk.flusher.journal.close()


async def test_holds_in_every_moment_of_a_busy_day(bank: Bank) -> None:
    """The snapshot is one moment: workers that go on do not disturb it."""
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    for turn in range(25):
        held = await hold(desk, (wallet, 100))
        held.settle(turn, bank.line())
        await asyncio.gather(desk.step(), bank.sound())
    await desk.close()
