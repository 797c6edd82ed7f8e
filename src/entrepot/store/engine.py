"""SQLAlchemy for control, CLI and reports: `async with writing(engine)`, `async with reading(engine)`."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from entrepot.store import postgresql, sqlite
from entrepot.store.contract import StoreError
from entrepot.store.url import postgresql_dsn, sqlite_path

_READ = "entrepot_read"
_BUSY_TIMEOUT = 15.0
_COMMAND_TIMEOUT = 60.0
"""Seconds; reports may take longer than anything on a gateway's path."""
_SETTINGS = {"idle_in_transaction_session_timeout": "30000"}
"""Milliseconds: a process that is paused in a transaction must not hold the workers up."""


def open_engine(url: str, *, fsync: bool = False) -> AsyncEngine:
    """An engine that connects at the first use; the caller disposes of it. Raises DatabaseUrlError."""
    path = sqlite_path(url)
    if path is None:
        dsn = postgresql_dsn(url)

        async def creator(*_: Any, **__: Any) -> Any:
            # The same reading of the URL as the gateway's pool (sslmode, several hosts, unix sockets).
            return await postgresql.connect(dsn, timeout=10, command_timeout=_COMMAND_TIMEOUT, server_settings=_SETTINGS)

        return create_async_engine("postgresql+asyncpg://", async_creator=creator, pool_pre_ping=True, pool_size=5)
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)), connect_args={"timeout": _BUSY_TIMEOUT}, pool_size=5
    )
    _prepare_sqlite(engine, "FULL" if fsync else "NORMAL")
    return engine


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
    """One transaction, committed at the end of the block. On SQLite it holds the write lock throughout."""
    async with engine.begin() as connection:
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection, None]:
    """One consistent view that blocks no writer; nothing is committed."""
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            yield await connection.execution_options(**{_READ: True})
        else:
            yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def named(error: Exception) -> StoreError:
    """An error that came out of SQLAlchemy or a driver under it, in the store's words."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        error = error.orig
    if isinstance(error, sqlite3.Error):
        return sqlite.named(error)
    # SQLAlchemy translates asyncpg's errors and keeps the original as the cause.
    cause = error.__cause__
    return postgresql.named(cause if isinstance(cause, Exception) else error)


def _prepare_sqlite(engine: AsyncEngine, synchronous: str) -> None:
    """Transactions that begin with the write lock: an upgrade in the middle of one cannot wait, it fails."""

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None  # the driver must not begin transactions on its own
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        read_only = connection.get_execution_options().get(_READ, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
