"""Calls over several days, settled by a real desk: what sealing and the proof are tested with."""

from collections.abc import Sequence

from entrepot.buckets.plan import HOUSE
from entrepot.kit.clock import utc_day
from entrepot.kit.ids import RequestIds
from entrepot.store import partitions
from entrepot.store.contract import Statement
from tests.buckets.desks import Bank, line
from tests.buckets.test_desk import hold

DAY = 86_400.0


async def live(bank: Bank, wallets: Sequence[int], days: int, *, calls: int = 3) -> None:
    """`calls` a day for `days` days from the bank's clock on, spread over the day, each of 10 nano-USD and more.

    The house has some too; in each day one call costs more than its wallet has, and one costs nothing.
    """
    ids = RequestIds(bank.clock)
    for _ in range(days):
        desk = await bank.desk()
        for number in range(calls):
            await settle(bank, desk, wallets[number % len(wallets)], 10 + number, ids)
            await settle(bank, desk, HOUSE, 7, ids)
            bank.clock.advance(DAY / calls)
            await desk.step()  # or the desk takes itself for cut off
        poor = await bank.wallet(5)
        await settle(bank, desk, poor, 9, ids, held=5)
        await settle(bank, desk, HOUSE, 0, ids)
        await desk.step()
        await desk.close()


async def settle(bank: Bank, desk: object, wallet: int, charge: int, ids: RequestIds, held: int = 0) -> str:
    now = bank.clock.wall()
    request = ids.mint()
    facts = {"day": utc_day(now), "arrived_at": int(now * 1_000_000), "user_id": 3, "key_id": 4}
    one = await hold(desk, (wallet, held or charge))
    one.settle(charge, line(request, **facts))
    return request


async def make_partitions(bank: Bank, days: int) -> None:
    """On PostgreSQL: a partition for each of the days from the bank's clock on."""
    if bank.db.dialect == "sqlite":
        return
    there = {row[0] for row in await bank.db.fetch(partitions.LIST)}
    first = partitions.day_of(int(bank.clock.wall() * 1_000_000))
    for number in range(days):
        day = first.fromordinal(first.toordinal() + number)
        if partitions.name_of(day) not in there:
            await bank.db.transaction([Statement(sql) for sql in partitions.make(day)])
