"""A bank on each kind of database, for calls over several days."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from entrepot.store.raw import open_database
from tests.buckets.desks import Bank


@pytest.fixture
async def bank(database_url: str, tmp_path: Path) -> AsyncIterator[Bank]:
    db = await open_database(database_url)
    yield Bank(db, tmp_path)
    await db.close()
