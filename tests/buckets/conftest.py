"""A bank on each database; the databases are kept and emptied, which is quicker than new ones."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from entrepot.store import partitions
from entrepot.store.contract import Statement
from entrepot.store.raw import Database, open_database
from tests.buckets.desks import Bank
from tests.databases import BOTH, Databases

TABLES = ("usage", "usage_hourly", "usage_seals", "journal_rejects", "journals", "recalls", "leases", "ledger", "incarnations")


@pytest.fixture(scope="session")
def kept_url(databases: Databases) -> Callable[[str], str]:
    urls: dict[str, str] = {}

    def url(kind: str) -> str:
        if kind not in urls:
            urls[kind] = databases.migrated(kind)
        asyncio.run(clean(urls[kind]))
        return urls[kind]

    return url


async def clean(url: str) -> None:
    db = await open_database(url)
    await db.transaction(
        [
            *(Statement(f"DELETE FROM {table}") for table in TABLES),
            Statement("DELETE FROM buckets WHERE kind <> 'house'"),
            Statement("UPDATE buckets SET remaining = 0"),
            *(Statement(f"DROP TABLE {name}") for name in await _days(db)),
        ]
    )
    await db.close()


async def _days(db: Database) -> list[str]:
    """Partitions that a test may have made: without them all goes to the default one."""
    if db.dialect == "sqlite":
        return []
    return [row[0] for row in await db.fetch(partitions.LIST) if partitions.day_in(row[0]) is not None]


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, kept_url: Callable[[str], str]) -> str:
    return kept_url(request.param)


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[Bank]:
    db = await open_database(database_url)
    yield Bank(db, tmp_path)
    await db.close()
