"""An installation of an earlier version is brought here with its rows, while nodes of that version go on."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from sqlalchemy import Connection

from entrepot.store.engine import open_engine, writing
from entrepot.store.migrate import _config, migrate
from entrepot.store.partitions import BEFORE, DAYS_AHEAD, DEFAULT, LIST, name_of
from entrepot.store.raw import Database, StoreError, open_database
from tests.databases import BOTH, Databases

HOUR = 500_000
OLD_FLUSH = (
    "INSERT INTO usage (id, day, arrived_at, operation, dialect, status, outcome, model, stream, address, basis, "
    "prompt_tokens, output_tokens, total_us, bytes_in, bytes_out, charge, journal) "
    "VALUES ($1, 'd', $2, 'chat', 'chat', 200, $3, 'm', 0, 'a', 'vendor', 7, 8, 9, 10, 11, 5, 'j') "
    "ON CONFLICT (id) DO UPDATE SET charge = excluded.charge WHERE usage.journal IS NULL RETURNING id"
)
"""As revision 0003 wrote usage rows."""
OLD_SUM = (
    "INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, "
    "calls, faults, prompt_tokens, output_tokens, charge, shortfall) VALUES ($1, 0, 0, '', 'm', 0, 1, 0, 7, 8, 5, 0) "
    "ON CONFLICT (hour, user_id, key_id, group_name, model, channel_id) DO UPDATE SET calls = usage_hourly.calls + 1"
)
TODAY = datetime.now(UTC).date()


def at_revision(url: str, revision: str) -> None:
    """Migrate only so far."""

    def apply(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async def run() -> None:
        engine = open_engine(url)
        async with writing(engine) as connection:
            await connection.run_sync(apply)
        await engine.dispose()

    asyncio.run(run())


async def fill(db: Database) -> list[str]:
    """Calls of last month, of today, and of a clock that is a year ahead."""
    days = [TODAY - timedelta(days=30), TODAY, TODAY, TODAY + timedelta(days=365), TODAY + timedelta(days=2)]
    ids = [f"req_{day:%Y%m%d}{number:017d}" for number, day in enumerate(days)]
    for number, request in enumerate(ids):
        await db.fetch(OLD_FLUSH, request, HOUR * 3_600_000_000 + number, "ok" if number else "refused")
    return sorted(ids)


@pytest.mark.parametrize("kind", BOTH)
def test_rows_stay_and_sums_are_complete(databases: Databases, kind: str) -> None:
    url = databases.empty(kind)
    at_revision(url, "0003")

    async def check() -> None:
        db = await open_database(url)
        ids = await fill(db)
        await asyncio.to_thread(migrate, url)
        assert [row[0] for row in await db.fetch("SELECT id FROM usage ORDER BY id")] == ids
        sums = "calls, faults, prompt_tokens, output_tokens, bytes_in, bytes_out, total_us, charge"
        assert await db.fetch(f"SELECT hour, {sums} FROM usage_hourly") == [(HOUR, 5, 1, 35, 40, 50, 55, 45, 25)]
        # A second charge of one call is still found out, whichever partition has it.
        for request in ids:
            assert await db.fetch(OLD_FLUSH, request, 0, "ok") == []
        await db.close()

    asyncio.run(check())
    databases.drop(url)


def test_partitions_of_an_installation_that_had_rows(databases: Databases) -> None:
    url = databases.empty("postgresql")
    at_revision(url, "0003")

    async def check() -> None:
        db = await open_database(url)
        ids = await fill(db)
        await asyncio.to_thread(migrate, url)
        ahead = {name_of(TODAY + timedelta(days=number)) for number in range(1, DAYS_AHEAD + 2)}
        missing = name_of(TODAY + timedelta(days=2))  # its row lies in the default already, and so will the others
        assert {row[0] for row in await db.fetch(LIST)} == {BEFORE, DEFAULT} | ahead - {missing}
        assert [row[0] for row in await db.fetch(f"SELECT id FROM {BEFORE} ORDER BY id")] == ids[:3]
        assert [row[0] for row in await db.fetch(f"SELECT id FROM {DEFAULT} ORDER BY id")] == ids[3:]
        await db.close()

    asyncio.run(check())
    databases.drop(url)


@pytest.mark.parametrize("kind", BOTH)
def test_a_node_of_the_version_before_goes_on(databases: Databases, kind: str) -> None:
    """On connections that have prepared their statements before."""
    url = databases.empty(kind)
    at_revision(url, "0003")

    async def check() -> None:
        old = await open_database(url)
        await old.fetch(OLD_FLUSH, "req_1", 0, "ok")
        await old.execute(OLD_SUM, HOUR)
        await asyncio.to_thread(migrate, url)
        refused = 0
        for request in ("req_2", "req_3", "req_4"):
            try:
                assert await old.fetch(OLD_FLUSH, request, 0, "ok") == [(request,)]
            except StoreError:  # a statement prepared for another table: the flusher reads back and tries again
                refused += 1
                assert await old.fetch(OLD_FLUSH, request, 0, "ok") == [(request,)]
            await old.execute(OLD_SUM, HOUR)
        assert refused <= 1
        assert await old.fetch(OLD_FLUSH, "req_2", 0, "ok") == []
        await old.close()

    asyncio.run(check())
    databases.drop(url)
