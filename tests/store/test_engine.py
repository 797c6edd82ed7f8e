"""SQLAlchemy's way to the same databases: transactions, and readers that block nobody."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from entrepot.store.engine import named, open_engine, reading, writing
from entrepot.store.raw import ConflictError, Database, StatementError, StoreAwayError
from entrepot.store.schema import settings

ADD = text("INSERT INTO settings (name, value) VALUES (:name, '1')")
COUNT = text("SELECT count(*) FROM settings")


async def test_a_block_that_fails_changes_nothing(database_url: str, db: Database) -> None:
    engine = open_engine(database_url)

    async def add_twice() -> None:
        async with writing(engine) as connection:
            await connection.execute(ADD, {"name": "a"})
            await connection.execute(ADD, {"name": "a"})

    with pytest.raises(IntegrityError):
        await add_twice()
    assert await db.fetch("SELECT * FROM settings") == []
    async with writing(engine) as connection:
        await connection.execute(settings.insert().values(name="a", value="1"))
    assert await db.fetch("SELECT * FROM settings") == [("a", "1")]
    await engine.dispose()


async def test_a_reader_sees_one_moment_and_stops_no_writer(database_url: str) -> None:
    engine = open_engine(database_url)
    async with reading(engine) as reader:
        assert (await reader.execute(COUNT)).scalar_one() == 0
        async with writing(engine) as writer:
            await writer.execute(ADD, {"name": "a"})
        assert (await reader.execute(COUNT)).scalar_one() == 0
    async with reading(engine) as reader:
        assert (await reader.execute(COUNT)).scalar_one() == 1
    await engine.dispose()


async def test_a_reader_cannot_write_on_postgresql(database_url: str) -> None:
    engine = open_engine(database_url)
    if engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="read-only"):
            async with reading(engine) as reader:
                await reader.execute(ADD, {"name": "a"})
        async with writing(engine) as writer:  # the connection goes back as it was
            await writer.execute(ADD, {"name": "a"})
    await engine.dispose()


async def test_writers_queue_instead_of_failing(database_url: str) -> None:
    """Read, then write: with a lock that is taken late one of two such transactions fails on SQLite."""
    engine = open_engine(database_url)

    async def add(index: int) -> None:
        async with writing(engine) as connection:
            await connection.execute(COUNT)
            await asyncio.sleep(0.002)
            await connection.execute(ADD, {"name": str(index)})

    await asyncio.gather(*(add(index) for index in range(30)))
    async with reading(engine) as reader:
        assert (await reader.execute(COUNT)).scalar_one() == 30
    await engine.dispose()


async def test_errors_have_the_stores_names(database_url: str) -> None:
    engine = open_engine(database_url)

    async def run(statement: str) -> None:
        async with writing(engine) as connection:
            await connection.execute(text(statement))

    await run("INSERT INTO settings (name, value) VALUES ('a', '1')")
    with pytest.raises(DBAPIError) as caught:
        await run("INSERT INTO settings (name, value) VALUES ('a', '1')")
    assert type(named(caught.value)) is ConflictError
    with pytest.raises(DBAPIError) as caught:
        await run("SELECT nothing FROM settings")
    assert type(named(caught.value)) is StatementError
    if engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError) as caught:
            await run("SELECT pg_terminate_backend(pg_backend_pid())")
        assert type(named(caught.value)) is StoreAwayError
    await engine.dispose()


async def test_foreign_keys_hold(database_url: str) -> None:
    engine = open_engine(database_url)
    with pytest.raises(IntegrityError):
        async with writing(engine) as connection:
            await connection.execute(text("INSERT INTO prices (model_id, kind, nano, valid_from) VALUES (7, 'input', 1, 0)"))
    await engine.dispose()
