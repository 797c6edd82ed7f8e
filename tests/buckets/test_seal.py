"""Old rows go, their totals stay, and the proof holds at every step; whoever changes a total is found out."""

from collections.abc import Callable

import pytest

from entrepot.buckets.plan import HOUSE
from entrepot.buckets.seal import UnsealableError, drop_partition, seal_partition, seal_rows
from entrepot.buckets.verify import Report, verify
from entrepot.kit.clock import ManualClock
from entrepot.kit.ids import RequestIds
from entrepot.store.contract import GuardError, StoreAwayError
from entrepot.store.partitions import DEFAULT, first_id, name_of
from entrepot.store.partitions import day_of as partition_day
from entrepot.store.raw import open_database
from tests.buckets.days import DAY, live, make_partitions, settle
from tests.buckets.desks import Bank

DAYS = 3


def table_of(bank: Bank) -> str:
    return "usage" if bank.db.dialect == "sqlite" else DEFAULT


async def history(bank: Bank) -> tuple[list[int], Report]:
    """Three days with 8 calls each; the report before anything is sealed."""
    wallets = [await bank.wallet(1_000_000) for _ in range(3)]
    await live(bank, wallets, DAYS)
    return wallets, await bank.sound()


def day(bank: Bank, number: int) -> str:
    """Where the ids of the day `number` begin."""
    return first_id(partition_day(int((ManualClock().wall() + number * DAY) * 1_000_000)))


async def rows(bank: Bank) -> int:
    return (await bank.db.fetch("SELECT count(*) FROM usage"))[0][0]


def same(before: Report, after: Report) -> bool:
    return (before.ledger, before.charged, before.posted, before.shortfall) == (
        after.ledger,
        after.charged,
        after.posted,
        after.shortfall,
    )


async def test_row_by_row_the_proof_holds(bank: Bank) -> None:
    _, before = await history(bank)
    total = await rows(bank)
    assert total == DAYS * 8
    gone = 0
    while sealed := await seal_rows(bank.db, table_of(bank), day(bank, 2), 4):
        assert sealed <= 4
        gone += sealed
        assert same(before, await bank.sound())
        assert await rows(bank) == total - gone
    assert 0 < gone < total
    assert await bank.db.fetch("SELECT count(*) FROM usage WHERE id < $1", day(bank, 2)) == [(0,)]
    parts = await bank.db.fetch("SELECT DISTINCT part FROM usage_seals ORDER BY part")
    assert parts == [(day(bank, number)[4:],) for number in range(2)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_whole_partition(bank: Bank) -> None:
    await make_partitions(bank, DAYS + 1)
    _, before = await history(bank)
    first = name_of(partition_day(int(ManualClock().wall() * 1_000_000)))
    with pytest.raises(GuardError):
        await drop_partition(bank.db, first)  # there are rows in it
    await seal_partition(bank.db, first)
    assert same(before, await bank.sound())
    # A process that was killed here has left an empty partition; a late record makes it one to seal again.
    late = await bank.wallet(1000)
    desk = await bank.desk()
    await settle(bank, desk, late, 5, RequestIds(ManualClock()))
    await desk.step()
    await desk.close()
    assert await bank.db.fetch(f"SELECT charge FROM {first}") == [(5,)]
    with pytest.raises(GuardError):
        await drop_partition(bank.db, first)
    await seal_partition(bank.db, first)
    await drop_partition(bank.db, first)
    assert (await bank.sound()).charged == before.charged + 5
    # From now on they go to the default partition.
    desk = await bank.desk()
    await settle(bank, desk, late, 6, RequestIds(ManualClock()))
    await desk.step()
    await desk.close()
    assert await bank.db.fetch(f"SELECT charge FROM {DEFAULT}") == [(6,)]
    assert (await bank.sound()).charged == before.charged + 11
    assert await seal_rows(bank.db, DEFAULT, day(bank, 1), 10) == 1
    assert (await bank.sound()).charged == before.charged + 11


async def test_a_late_record_of_a_sealed_day(bank: Bank) -> None:
    """A journal that turns up after weeks: its calls are rows again until the next run adds them to their day."""
    wallets, before = await history(bank)
    while await seal_rows(bank.db, table_of(bank), day(bank, 3), 100):
        pass
    assert await rows(bank) > 0, "the last calls were after midnight"
    long_ago = ManualClock()
    desk = await bank.desk()
    requests = [await settle(bank, desk, wallet, 21, RequestIds(long_ago)) for wallet in (*wallets, HOUSE)]
    await desk.step()
    await desk.close()
    late = await bank.sound()
    assert late.charged == before.charged + 4 * 21
    assert await seal_rows(bank.db, table_of(bank), day(bank, 3), 100) == len(requests)
    assert same(late, await bank.sound())


async def test_a_call_around_midnight(bank: Bank) -> None:
    """Its id names one day, and it arrived on the next: postings go by arrival, partitions by id."""
    wallet = await bank.wallet(1000)
    start = ManualClock()
    start.advance(DAY - start.wall() % DAY - 0.5)
    ids = RequestIds(start)
    bank.clock.advance(start.wall() - bank.clock.wall() + 1)
    desk = await bank.desk()
    await settle(bank, desk, wallet, 40, ids)
    await settle(bank, desk, await bank.wallet(5), 40, ids, held=5)  # with a shortfall
    await desk.step()
    await desk.close()
    before = await bank.sound()
    assert await seal_rows(bank.db, table_of(bank), day(bank, 1), 100) == 2
    assert same(before, await bank.sound())
    ((part, arrival),) = await bank.db.fetch("SELECT DISTINCT part, day FROM usage_seals")
    assert (part, arrival) == (day(bank, 0)[4:], int(bank.clock.wall() // DAY))


DEEDS = [
    (
        "UPDATE usage_seals SET charge = charge + 1 WHERE wallet_id = {wallet} AND day = {day}",
        "I4 wallet {wallet}, hour {hour} ",
    ),
    ("UPDATE usage_seals SET shortfall = shortfall - 1 WHERE shortfall > 0", "I4 shortfall of 20270116"),
    ("DELETE FROM usage_seals WHERE wallet_id = {wallet} AND day = {day}", "I4 wallet {wallet}, hour {hour} "),
    ("UPDATE usage_seals SET day = day + 1 WHERE wallet_id = {wallet} AND day = {day}", "I4 wallet {wallet}, hour {hour} "),
    (
        "UPDATE ledger SET amount = amount - 1 WHERE reference = 'usage:{wallet}:{rolled}'",
        "I4 wallet {wallet}, hour {hour} ",
    ),
    ("UPDATE usage_hourly SET charge = charge - 1 WHERE hour = {rolled}", "I4 hour {hour} (from {from})"),
    ("UPDATE journals SET sealed = sealed - 1 WHERE sealed > 0", "I3 journal"),
    ("UPDATE journals SET sealed = 0 WHERE sealed > 0", "I3 journal"),
    ("UPDATE usage SET charge = charge + 1 WHERE wallet_id = {wallet}", "I4 wallet {wallet}, hour"),
]


@pytest.mark.parametrize(("deed", "finding"), DEEDS)
async def test_whoever_breaks_a_number_is_found_with_its_place(bank: Bank, deed: str, finding: str) -> None:
    wallets, _ = await history(bank)
    while await seal_rows(bank.db, table_of(bank), day(bank, 2), 100):
        pass
    await bank.sound()
    number = int(ManualClock().wall() // DAY)
    ((rolled,),) = await bank.db.fetch("SELECT min(hour) FROM usage_hourly WHERE charge > 0")
    places = {"wallet": wallets[0], "day": number, "hour": number * 24, "rolled": rolled}
    places["from"] = "2027-01-15T00:00:00Z"
    assert await bank.db.execute(deed.format(**places)) > 0
    found = await verify(bank.db)
    assert not found.ok
    assert any(text.startswith(finding.format(**places)) for text in found.findings), found.findings


class _Killed(Exception):
    pass


def _die_at(step: int) -> Callable[[str], None]:
    seen = 0

    def between(_: str) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            raise _Killed

    return between


async def test_cut_anywhere_nothing_has_happened(bank: Bank) -> None:
    _, before = await history(bank)
    total = await rows(bank)
    cuts = 0
    for step in range(1, 20):
        try:
            await seal_rows(bank.db, table_of(bank), day(bank, 2), 100, crash=_die_at(step))
        except _Killed:
            cuts += 1
            assert (await rows(bank), await bank.db.fetch("SELECT * FROM usage_seals")) == (total, [])
        else:
            break
    assert cuts >= 4
    assert await rows(bank) < total
    assert same(before, await bank.sound())


async def test_a_journal_that_nobody_knows_is_not_hidden(bank: Bank) -> None:
    await history(bank)
    await bank.db.execute("UPDATE usage SET journal = 'x' WHERE id = (SELECT min(id) FROM usage)")
    found = await verify(bank.db)
    with pytest.raises(UnsealableError):
        await seal_rows(bank.db, table_of(bank), day(bank, 2), 100)
    assert (await verify(bank.db)).findings == found.findings


async def test_only_tables_of_usage(bank: Bank) -> None:
    for table in ("ledger", "usage_hourly", "usage" if bank.db.dialect == "postgresql" else DEFAULT):
        with pytest.raises(ValueError, match=table):
            await seal_rows(bank.db, table, "req_2", 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_who_waits_for_a_reader_gives_up(bank: Bank, database_url: str) -> None:
    """A report that runs for an hour must not hold up flushes behind a deletion that waits for it."""
    await make_partitions(bank, DAYS + 1)
    _, before = await history(bank)
    second = name_of(partition_day(int((ManualClock().wall() + DAY) * 1_000_000)))
    reader = await open_database(database_url)
    async with reader._connection() as connection, connection.transaction():
        await connection.fetch("SELECT count(*) FROM usage")
        with pytest.raises(StoreAwayError, match="LockNotAvailable"):
            await seal_partition(bank.db, second)
        with pytest.raises(StoreAwayError, match="LockNotAvailable"):
            await drop_partition(bank.db, second)
    await reader.close()
    assert same(before, await bank.sound())
    await seal_partition(bank.db, second)
    assert same(before, await bank.sound())
