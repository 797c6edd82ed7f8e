"""Brings a database to this program's schema, under a lock: any number of nodes may start at once."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Coroutine, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from entrepot.store.contract import StoreAwayError
from entrepot.store.engine import named, open_engine, reading, writing
from entrepot.store.url import sqlite_path

T = TypeVar("T")

_LOCK = 0x656E7472  # "entr": any number that no other program on this database uses


class MigrationError(Exception):
    """The database cannot be brought to this program's schema; the message says why."""


class NewerDatabaseError(MigrationError):
    """The database was migrated by a newer program."""


def migrate(url: str) -> str:
    """Make or upgrade the schema; gives the revision. Does nothing where it is current.

    Synchronous: for the supervisor, the CLI and threads, not for a running event loop.
    Raises NewerDatabaseError, DatabaseUrlError, StoreAwayError, StatementError.
    """
    path = sqlite_path(url)
    with _file_lock(path):
        _probe(path)
        return asyncio.run(_named_errors(_upgrade(url)))


def current(url: str) -> str | None:
    """The database's revision; None where it was never migrated. Raises as `migrate` does."""
    path = sqlite_path(url)
    if path is not None and not path.exists():
        return None
    _probe(path)
    return asyncio.run(_named_errors(_current(url)))


def head() -> str:
    """The revision that this program needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise MigrationError("this installation has no migrations: it is not complete")
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


async def _named_errors(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except (DBAPIError, asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, OSError, TimeoutError) as error:
        raise named(error) from error


async def _upgrade(url: str) -> str:
    engine = open_engine(url)
    try:
        async with writing(engine) as connection:
            if connection.dialect.name == "postgresql":
                # Freed with the transaction, however it ends.
                await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            return await connection.run_sync(_apply)
    finally:
        await engine.dispose()


def _apply(connection: Connection) -> str:
    config = _config()
    script = ScriptDirectory.from_config(config)
    found = _revision(connection)
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise NewerDatabaseError(
            f"the database is at revision {found}, which this program does not know: "
            f"a newer Entrepot has migrated it. Upgrade this program, or restore a backup."
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return head()


async def _current(url: str) -> str | None:
    engine = open_engine(url)
    try:
        async with reading(engine) as connection:
            return await connection.run_sync(_revision)
    finally:
        await engine.dispose()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _probe(path: Path | None) -> None:
    """Fail here and now where the file cannot be opened: aiosqlite would leave a thread that outlives our loop."""
    if path is not None:
        try:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA schema_version")
        except sqlite3.Error as error:
            raise StoreAwayError(f"cannot open {path}: {error}") from error


@contextmanager
def _file_lock(path: Path | None) -> Generator[None, None, None]:
    """One process at a time on a SQLite file: even the switch to WAL fails when two try it at once."""
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
