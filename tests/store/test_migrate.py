"""Migrations on both databases: from nothing, twice, by several nodes at once."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from entrepot.store import migrations
from entrepot.store.engine import open_engine, reading, writing
from entrepot.store.migrate import NewerDatabaseError, current, head, migrate
from entrepot.store.partitions import is_partition
from entrepot.store.raw import Database, StatementError, StoreAwayError, open_database
from entrepot.store.schema import metadata
from tests.databases import BOTH, Databases


def test_from_nothing_and_twice(empty_database_url: str) -> None:
    assert current(empty_database_url) is None
    assert migrate(empty_database_url) == head()
    assert migrate(empty_database_url) == head()
    assert current(empty_database_url) == head()


async def test_the_feed_has_its_one_row(database_url: str) -> None:
    db = await open_database(database_url)
    assert await db.fetch("SELECT id, v FROM feed_head") == [(1, 0)]
    await db.close()


async def test_a_migrated_database_is_the_schema(database_url: str) -> None:
    def difference(connection: Connection) -> list[object]:
        options = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or not is_partition(name)}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    engine = open_engine(database_url)
    async with reading(engine) as connection:
        assert await connection.run_sync(difference) == []
        # `compare_metadata` does not look at these.
        found = await connection.run_sync(_keys_and_defaults)
    async with writing(engine) as connection:
        await connection.execute(text("DROP TABLE alembic_version"))
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        assert await connection.run_sync(_keys_and_defaults) == found
    await engine.dispose()


def _keys_and_defaults(connection: Connection) -> dict[str, object]:
    look = inspect(connection)
    return {
        table: (
            look.get_pk_constraint(table),
            look.get_foreign_keys(table),
            sorted(constraint["name"] or "" for constraint in look.get_unique_constraints(table)),
            {column["name"]: (column["default"], column["nullable"]) for column in look.get_columns(table)},
        )
        for table in look.get_table_names()
        if table != "alembic_version" and not is_partition(table)
    }


def test_four_nodes_start_at_once(databases: Databases) -> None:
    urls = [databases.empty(kind) for kind in BOTH]
    run = "import sys; from entrepot.store.migrate import migrate; sys.stdin.read(1); print(*map(migrate, sys.argv[1:]))"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    nodes = [subprocess.Popen([sys.executable, "-c", run, *urls], **pipes) for _ in range(4)]
    for node in nodes:  # all begin before the first is waited for
        assert node.stdin is not None
        node.stdin.write("x")
        node.stdin.flush()
    assert [node.communicate() for node in nodes] == [(f"{head()} {head()}\n", "")] * 4
    for url in urls:
        assert current(url) == head()
        databases.drop(url)


def test_a_newer_database_is_refused(database_url: str) -> None:
    async def advance() -> None:
        db = await open_database(database_url)
        await db.execute("UPDATE alembic_version SET version_num = $1", "9999")
        await db.close()

    asyncio.run(advance())
    with pytest.raises(NewerDatabaseError, match=r"9999.*newer"):
        migrate(database_url)


@pytest.mark.parametrize("kind", BOTH)
def test_a_migration_that_breaks_leaves_nothing(databases: Databases, kind: str) -> None:
    url = databases.empty(kind)

    async def occupy() -> None:
        engine = open_engine(url)
        async with writing(engine) as connection:
            await connection.execute(text("CREATE TABLE usage (x INTEGER)"))
        await engine.dispose()

    async def tables() -> list[str]:
        engine = open_engine(url)
        async with reading(engine) as connection:
            found = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
        await engine.dispose()
        return found

    asyncio.run(occupy())
    with pytest.raises(StatementError, match="already exists"):
        migrate(url)
    assert asyncio.run(tables()) == ["usage"]
    databases.drop(url)


async def test_an_id_is_never_given_twice(db: Database) -> None:
    """Usage rows outlive what they name."""
    insert = "INSERT INTO users (name, created_at) VALUES ($1, 0) RETURNING id"
    [(first,)] = await db.fetch(insert, "a")
    await db.execute("DELETE FROM users")
    [(second,)] = await db.fetch(insert, "b")
    assert second > first


@pytest.mark.parametrize("run", [migrate, current])
def test_away_is_said_in_the_stores_words(databases: Databases, tmp_path: Path, run: Callable[[str], object]) -> None:
    stranger = databases.server.url().replace("postgres@", "stranger@")
    for url in ("postgresql://postgres@127.0.0.1:1/none", databases.server.url("no_such"), stranger):
        with pytest.raises(StoreAwayError):
            run(url)
    (tmp_path / "x.db").mkdir()
    with pytest.raises(StoreAwayError):
        run(f"sqlite:///{tmp_path / 'x.db'}")


def test_migrations_are_part_of_the_package() -> None:
    folder = Path(migrations.__path__[0])
    assert (folder / "env.py").exists()
    assert list((folder / "versions").glob("v0001_*.py"))
