"""SQLite for the gateway: the stdlib driver in one thread, a whole transaction in one hop."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from entrepot.store.contract import (
    ConflictError,
    Dialect,
    Guard,
    GuardError,
    GuardMany,
    Many,
    Row,
    Statement,
    StatementError,
    Step,
    StoreAwayError,
    StoreError,
    nothing_between,
)

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another process's lock."""

_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_INTERRUPT,
    }
)

T = TypeVar("T")


class SqliteDatabase:
    """One connection in one thread. Made by `open_sqlite`."""

    __slots__ = ("_connection", "_thread")

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread

    @property
    def dialect(self) -> Dialect:
        return "sqlite"

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        return await self._run(lambda: self._connection.execute(sql, _named(values)).fetchall())

    async def execute(self, sql: str, *values: Any) -> int:
        return await self._run(lambda: max(self._connection.execute(sql, _named(values)).rowcount, 0))

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        def queries() -> list[list[Row]]:
            return [self._connection.execute(sql, _named(values)).fetchall() for sql, values in work]

        return await self._run(lambda: self._within("BEGIN", queries))

    async def transaction(self, work: Sequence[Statement | Many]) -> list[int]:
        return await self._run(lambda: self._within("BEGIN IMMEDIATE", lambda: [self._change(step) for step in work]))

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        def steps() -> list[list[Row]]:
            results: list[list[Row]] = []
            for index, step in enumerate(work):
                between("between")
                results.append(rows := self._rows(step))
                expected = step.rows if isinstance(step, Guard) else len(step.rows) if isinstance(step, GuardMany) else None
                if expected is not None and len(rows) != expected:
                    raise GuardError(index)
            between("between")
            return results

        return await self._run(lambda: self._within("BEGIN IMMEDIATE", steps))

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        del channel, woken  # SQLite cannot wake other processes: callers poll
        return False

    async def close(self) -> None:
        await self._run(self._connection.close)
        self._thread.shutdown(wait=False)

    def _change(self, step: Statement | Many) -> int:
        if isinstance(step, Many):
            self._connection.executemany(step.sql, map(_named, step.rows))
            return len(step.rows)
        return max(self._connection.execute(step.sql, _named(step.values)).rowcount, 0)

    def _rows(self, step: Step) -> list[Row]:
        if isinstance(step, Many | GuardMany):
            execute = self._connection.execute
            return [row for values in step.rows for row in execute(step.sql, _named(values)).fetchall()]
        return self._connection.execute(step.sql, _named(step.values)).fetchall()

    def _within(self, begin: str, work: Callable[[], T]) -> T:
        self._connection.execute(begin)
        try:
            result = work()
            self._connection.execute("COMMIT")
        except BaseException:
            # Some errors (a full disk) have rolled back already; a second ROLLBACK would hide them.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise named(error) from error


def _named(values: Sequence[Any]) -> dict[str, Any]:
    """`$1` is a parameter by name to SQLite, and the name is `1`."""
    return {str(index): value for index, value in enumerate(values, 1)}


def named(error: Exception) -> StoreError:
    """A driver's error in our words."""
    if isinstance(error, sqlite3.IntegrityError):
        return ConflictError(str(error))
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in _AWAY:
        return StoreAwayError(f"SQLite: {error}")
    return StatementError(str(error))


async def open_sqlite(path: Path, *, fsync: bool = False, busy_timeout: float = BUSY_TIMEOUT) -> SqliteDatabase:
    """Open an existing file (a migration makes it). Raises StoreAwayError."""
    thread = ThreadPoolExecutor(1, "sqlite")

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=busy_timeout
        )
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'FULL' if fsync else 'NORMAL'}")
            connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    try:
        connection = await asyncio.get_running_loop().run_in_executor(thread, connect)
    except sqlite3.Error as error:
        thread.shutdown(wait=False)
        raise StoreAwayError(f"cannot open {path}: {error}") from error
    return SqliteDatabase(connection, thread)
