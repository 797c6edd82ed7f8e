"""Days of usage: names and bounds that fit the ids that we mint; attached while others write."""

from datetime import date

import pytest

from entrepot.kit.clock import ManualClock, utc_day
from entrepot.kit.ids import RequestIds, request_day
from entrepot.store import partitions
from entrepot.store.contract import Statement
from entrepot.store.raw import ConflictError, Database, StatementError
from tests.databases import Databases

ROW = (
    "INSERT INTO usage (id, day, arrived_at, operation, dialect, status, outcome, model, stream, address, basis, "
    "prompt_tokens, output_tokens, total_us, bytes_in, bytes_out) "
    "VALUES ($1, 'x', 0, 'chat', 'chat', 200, 'ok', 'm', 0, 'a', 'vendor', 1, 1, 1, 1, 1)"
)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
DAY = date(2031, 2, 28)


def test_an_id_is_within_its_day() -> None:
    clock = ManualClock(1_800_000_000.0)
    ids = RequestIds(clock)
    for _ in range(400):
        clock.advance(433.3)
        request = ids.mint()
        day = partitions.day_of(int(clock.wall() * 1_000_000))
        assert request_day(request) == utc_day(clock.wall()) == f"{day:%Y%m%d}"
        assert partitions.first_id(day) <= request < partitions.first_id(date.fromordinal(day.toordinal() + 1))


def test_names_say_which_day() -> None:
    assert partitions.name_of(DAY) == "usage_20310228"
    assert partitions.day_in("usage_20310228") == DAY
    for other in ("usage", "usage_default", "usage_before", "usage_hourly", "usage_20310229", "usage_2031022x"):
        assert partitions.day_in(other) is None
    assert [partitions.is_partition(name) for name in ("usage_default", "usage_before", "usage_20310228", "usage_seals")] == [
        True,
        True,
        True,
        False,
    ]


@ON_POSTGRESQL
async def test_a_row_goes_to_its_day_and_to_the_default_without_one(db: Database) -> None:
    await db.transaction([Statement(sql) for sql in partitions.make(DAY)])
    assert ("usage_20310228",) in await db.fetch(partitions.LIST)
    for request in ("req_20310228zzzzzzzzzzzzzzzzz", "req_20310301000000000000000000", "strange"):
        await db.execute(ROW, request)
    assert await db.fetch("SELECT id FROM usage_20310228") == [("req_20310228zzzzzzzzzzzzzzzzz",)]
    assert len(await db.fetch("SELECT id FROM usage_default")) == 2
    assert len(await db.fetch("SELECT id FROM usage")) == 3
    with pytest.raises(ConflictError):
        await db.execute(ROW, "req_20310228zzzzzzzzzzzzzzzzz")


@ON_POSTGRESQL
async def test_a_day_whose_rows_came_first_stays_in_the_default(db: Database) -> None:
    await db.execute(ROW, "req_20310228000000000000000000")
    with pytest.raises((ConflictError, StatementError)):
        await db.transaction([Statement(sql) for sql in partitions.make(DAY)])
    assert ("usage_20310228",) not in await db.fetch(partitions.LIST)
    await db.execute(ROW, "req_20310228000000000000000001")
    assert len(await db.fetch("SELECT id FROM usage_default")) == 2


async def test_one_call_is_looked_up_in_one_partition(databases: Databases) -> None:
    url = databases.migrated("postgresql").rpartition("/")[2]
    plan = databases.server.sql("EXPLAIN SELECT * FROM usage WHERE id = 'req_20310228000000000000000000'", url)
    assert plan.count("Scan") == 1
    databases.server.sql(f"DROP DATABASE {url}")
