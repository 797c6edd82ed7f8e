"""SQLite for the gateway: the stdlib driver in two threads, a whole transaction in one hop.

One connection writes, one only reads. A writer waits for another process's lock for seconds;
key look-ups and the change feed must not stand behind it, and in WAL mode they need not: a
reader sees what was committed when it began (sqlite.org/wal.html, "Concurrency").
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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

_ERRORS = (sqlite3.Error, sqlite3.Warning, OverflowError)

T = TypeVar("T")


class Line:
    """A connection and the thread that it lives in."""

    __slots__ = ("connection", "thread")

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self.connection = connection
        self.thread = thread

    async def close(self) -> None:
        """Wait for what was begun, and close."""
        try:
            await asyncio.get_running_loop().run_in_executor(self.thread, self.connection.close)
        finally:
            self.thread.shutdown(wait=False)


class SqliteDatabase:
    """One connection that writes and one that reads. Made by `open_sqlite`."""

    __slots__ = ("_abandoned", "_connection", "_reader", "_writer")

    def __init__(self, writer: Line, reader: Line) -> None:
        self._writer = writer
        self._reader = reader
        self._connection = writer.connection
        self._abandoned: set[Future[Any]] = set()
        """Writes that run although nobody waits any more. Whoever reads next wants to know what became of them."""

    @property
    def dialect(self) -> Dialect:
        return "sqlite"

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        if sql[:6] != "SELECT":
            return await self._write(lambda: self._connection.execute(sql, _named(values)).fetchall())
        return await self._read(lambda: self._reader.connection.execute(sql, _named(values)).fetchall())

    async def execute(self, sql: str, *values: Any) -> int:
        return await self._write(lambda: max(self._connection.execute(sql, _named(values)).rowcount, 0))

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        connection = self._reader.connection

        def queries() -> list[list[Row]]:
            return [connection.execute(sql, _named(values)).fetchall() for sql, values in work]

        return await self._read(lambda: _within(connection, "BEGIN", queries))

    async def transaction(self, work: Sequence[Statement | Many]) -> list[int]:
        def steps() -> list[int]:
            return [self._change(step) for step in work]

        return await self._write(lambda: _within(self._connection, "BEGIN IMMEDIATE", steps))

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

        return await self._write(lambda: _within(self._connection, "BEGIN IMMEDIATE", steps))

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        del channel, woken  # SQLite cannot wake other processes: callers poll
        return False

    async def close(self) -> None:
        try:
            await self._reader.close()
        finally:
            await self._writer.close()

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

    async def _write(self, work: Callable[[], T]) -> T:
        running = self._writer.thread.submit(work)
        try:
            return await asyncio.wrap_future(running)
        except asyncio.CancelledError:
            if not running.done():
                self._abandoned.add(running)
                running.add_done_callback(self._abandoned.discard)
            raise
        except _ERRORS as error:
            raise named(error) from error

    async def _read(self, work: Callable[[], T]) -> T:
        if self._abandoned:
            await asyncio.wait([asyncio.wrap_future(running) for running in tuple(self._abandoned)])
        try:
            return await asyncio.get_running_loop().run_in_executor(self._reader.thread, work)
        except _ERRORS as error:
            raise named(error) from error


def _within(connection: sqlite3.Connection, begin: str, work: Callable[[], T]) -> T:
    connection.execute(begin)
    try:
        result = work()
        connection.execute("COMMIT")
    except BaseException:
        # Some errors (a full disk) have rolled back already; a second ROLLBACK would hide them.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


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
    pragmas = ("journal_mode=WAL", f"synchronous={'FULL' if fsync else 'NORMAL'}", "foreign_keys=ON")
    writer = await _line(path, busy_timeout, "sqlite", pragmas)
    try:
        # Not `mode=ro`: that cannot open a WAL whose other files are not there yet.
        reader = await _line(path, busy_timeout, "sqlite-reader", ("query_only=ON",))
    except BaseException:
        await writer.close()
        raise
    return SqliteDatabase(writer, reader)


async def _line(path: Path, busy_timeout: float, name: str, pragmas: Sequence[str]) -> Line:
    """A connection in a thread of its own. Raises StoreAwayError."""
    thread = ThreadPoolExecutor(1, name)

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=busy_timeout
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    try:
        return Line(await asyncio.get_running_loop().run_in_executor(thread, connect), thread)
    except sqlite3.Error as error:
        thread.shutdown(wait=False)
        raise StoreAwayError(f"cannot open {path}: {error}") from error
