"""Days of usage on both databases: ahead of need, and folded when they are old."""

from datetime import date

import pytest

from entrepot.control.retention import usage
from entrepot.store.contract import Many
from entrepot.store.partitions import BEFORE, DAYS_AHEAD, DEFAULT, LIST, name_of
from entrepot.store.raw import Database
from tests.store.test_partitions import ROW

TODAY = date(2033, 5, 30)
ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@ON_POSTGRESQL
async def test_days_are_there_before_they_begin(db: Database) -> None:
    made = await usage.prepare_days(db, TODAY)
    assert made == [date.fromordinal(TODAY.toordinal() + number) for number in range(DAYS_AHEAD + 1)]
    assert await usage.prepare_days(db, TODAY) == []
    assert await usage.prepare_days(db, made[1]) == [date.fromordinal(TODAY.toordinal() + DAYS_AHEAD + 1)]
    await db.execute(ROW, "req_20330531000000000000000000")
    assert await db.fetch("SELECT count(*) FROM usage_20330531") == [(1,)]


@ON_POSTGRESQL
async def test_a_day_that_nobody_prepared_is_left_to_the_default(db: Database) -> None:
    await db.execute(ROW, "req_20330531000000000000000000")
    made = await usage.prepare_days(db, TODAY)
    assert len(made) == DAYS_AHEAD
    assert date(2033, 5, 31) not in made
    assert await db.fetch(f"SELECT count(*) FROM {DEFAULT}") == [(1,)]


@ON_POSTGRESQL
async def test_days_of_before_there_were_partitions(db: Database) -> None:
    """The one partition of the time before is kept for its days, emptied row by row, and sealed whole at its end."""
    await db.execute(f"CREATE TABLE {BEFORE} PARTITION OF usage FOR VALUES FROM (MINVALUE) TO ('req_20260101')")
    assert await usage.prepare_days(db, date(2025, 12, 30)) == [date(2026, 1, number) for number in range(1, 7)]
    for day in ("20251101", "20251102", "20251103"):
        await db.execute(ROW, f"req_{day}000000000000000000")
    assert (await usage.old_tables(db, date(2025, 11, 2)))[0] == BEFORE
    assert await usage.seal_some(db, BEFORE, date(2025, 11, 2)) == 1
    assert not await usage.drop_empty(db, BEFORE)
    assert await usage.seal_some(db, BEFORE, date(2025, 11, 2)) == 0
    assert await usage.seal_some(db, BEFORE, date(2025, 11, 4)) == 2
    assert await usage.drop_empty(db, BEFORE)
    assert (BEFORE,) not in await db.fetch(LIST)


async def test_old_tables(db: Database) -> None:
    first = date(2033, 6, 1)
    if db.dialect == "sqlite":
        assert await usage.old_tables(db, first) == ["usage"]
        assert await usage.prepare_days(db, TODAY) == []
        assert not await usage.drop_empty(db, "usage")
        return
    await usage.prepare_days(db, TODAY)
    old = await usage.old_tables(db, first)
    assert old[0] == DEFAULT
    assert old[-2:] == [name_of(TODAY), name_of(date(2033, 5, 31))]
    assert not await usage.drop_empty(db, DEFAULT)
    assert await usage.drop_empty(db, name_of(TODAY))


async def test_hours_become_days(db: Database) -> None:
    columns = (
        "hour, user_id, key_id, group_name, model, channel_id, calls, faults, prompt_tokens, output_tokens, charge, shortfall"
    )
    rows = [
        (hour, user, 1, "", "m", 0, 1, 0, 2, 3, hour, 1) for hour in (*range(24 * 5, 24 * 7), 24 * 9 + 3) for user in (1, 2)
    ]
    marks = ", ".join(f"${number}" for number in range(1, 13))
    await db.transaction([Many(f"INSERT INTO usage_hourly ({columns}) VALUES ({marks})", rows)])
    sums = "SELECT sum(calls), sum(prompt_tokens), sum(charge), sum(shortfall) FROM usage_hourly"
    before = await db.fetch(sums)
    assert await usage.count_hours(db, 24 * 7) == 2 * 2 * 23
    place, folded = 0, 0
    while True:
        done, place = await usage.fold_some(db, 24 * 7, place)
        if place < 0:
            break
        folded += done
        assert await db.fetch(sums) == before
    assert folded == 2 * 2 * 23
    assert await db.fetch("SELECT hour, user_id, calls, charge FROM usage_hourly ORDER BY hour, user_id") == [
        (120, 1, 24, sum(range(120, 144))),
        (120, 2, 24, sum(range(120, 144))),
        (144, 1, 24, sum(range(144, 168))),
        (144, 2, 24, sum(range(144, 168))),
        (219, 1, 1, 219),
        (219, 2, 1, 219),
    ]
    assert await usage.fold_some(db, 24 * 7, 0) == (0, -1)


async def test_a_large_day_is_folded_in_batches(db: Database) -> None:
    insert = (
        "INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, "
        "calls, faults, prompt_tokens, output_tokens, charge, shortfall) VALUES (5, $1, 1, '', 'm', 0, 1, 0, 0, 0, 3, 0)"
    )
    await db.transaction([Many(insert, [(number,) for number in range(usage.BATCH + 7)])])
    assert await usage.fold_some(db, 24, 0) == (usage.BATCH, 5)
    assert await usage.fold_some(db, 24, 5) == (7, 5)
    assert await db.fetch("SELECT count(*), sum(charge) FROM usage_hourly WHERE hour = 0") == [
        (usage.BATCH + 7, 3 * (usage.BATCH + 7))
    ]
