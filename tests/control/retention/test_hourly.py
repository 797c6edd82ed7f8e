"""The control process's look: at once, again and again, and again soon after a failure."""

import asyncio
import logging

import pytest

from entrepot.control.retention import hourly
from entrepot.settings import load
from entrepot.store.partitions import LIST
from entrepot.store.raw import Database


async def test_looks_at_once_and_again(db: Database, database_url: str, tmp_path: object) -> None:
    park = "INSERT INTO journal_rejects (journal_id, position, record, error, at) VALUES ($1, 1, $2, 'e', 0)"
    made = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    if db.dialect == "postgresql":
        await db.execute("DROP TABLE " + (await db.fetch(LIST))[0][0])
    task = asyncio.ensure_future(hourly.keep(made, interval=0.05))
    for name in ("a", "b"):
        await db.execute(park, name, b"x")
        async with asyncio.timeout(20):
            while await db.fetch("SELECT 1 FROM journal_rejects"):
                await asyncio.sleep(0.02)
    if db.dialect == "postgresql":
        assert len(await db.fetch(LIST)) >= 9
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_database_that_is_away_is_asked_again(tmp_path: object, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    gone = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": "postgresql://postgres@127.0.0.1:1/none"})
    task = asyncio.ensure_future(hourly.keep(gone, interval=0.02))
    async with asyncio.timeout(20):
        while sum("tried again later" in record.message for record in caplog.records) < 2:
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
