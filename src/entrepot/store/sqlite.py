"""SQLite for the gateway: the stdlib driver in two threads, a whole transaction in one hop.

One connection writes, one only reads. A writer waits for another process's lock for seconds;
key look-ups and the change feed must not stand behind it, and in WAL mode they need not: a
reader sees what was committed when it began (sqlite.org/wal.html, "Concurrency").
"""

import asyncio
import re
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import chain, islice
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
    Rows,
    Statement,
    StatementError,
    Step,
    StoreAwayError,
    StoreError,
    due,
    nothing_between,
)

ROWS_AT_ONCE = 64
"""Rows that one INSERT writes. A statement gives the interpreter's lock away and takes it again: once for all of them."""
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
            return await self._write(lambda: self._connection.execute(numbered(sql), values).fetchall())
        return await self._read(lambda: self._reader.connection.execute(numbered(sql), values).fetchall())

    async def execute(self, sql: str, *values: Any) -> int:
        return await self._write(lambda: max(self._connection.execute(numbered(sql), values).rowcount, 0))

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        connection = self._reader.connection

        def queries() -> list[list[Row]]:
            return [connection.execute(numbered(sql), values).fetchall() for sql, values in work]

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
                if isinstance(step, Rows):
                    results.append([])
                    complete = self._insert(step) == len(step.rows)
                else:
                    results.append(rows := self._rows(step))
                    complete = due(step) in (None, len(rows))
                if not complete:
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
            self._connection.executemany(numbered(step.sql), step.rows)
            return len(step.rows)
        return max(self._connection.execute(numbered(step.sql), step.values).rowcount, 0)

    def _rows(self, step: Statement | Many | Guard | GuardMany) -> list[Row]:
        sql, execute = numbered(step.sql), self._connection.execute
        if not isinstance(step, Many | GuardMany):
            return execute(sql, step.values).fetchall()
        if isinstance(step, Many) and not _gives_rows(sql):
            self._connection.executemany(sql, step.rows)
            return []
        return [row for values in step.rows for row in execute(sql, values).fetchall()]

    def _insert(self, step: Rows) -> int:
        """How many rows were written. Statements have numbers of rows that are powers of two: few to keep prepared."""
        execute, rows, written = self._connection.execute, iter(step.rows), 0
        left = len(step.rows)
        while left:
            count = min(ROWS_AT_ONCE, 1 << (left.bit_length() - 1))
            sql = _insert_sql(step.table, step.columns, step.conflict, count)
            written += execute(sql, tuple(chain.from_iterable(islice(rows, count)))).rowcount
            left -= count
        return written

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


_PLACE = re.compile(r"\$(\d+)")


@lru_cache(maxsize=1024)
def numbered(sql: str) -> str:
    """`$1` is a parameter by name to SQLite; `?1` is one by position, which takes half the time to bind."""
    return _PLACE.sub(r"?\1", sql)


@lru_cache(maxsize=1024)
def _gives_rows(sql: str) -> bool:
    return "RETURNING" in sql or sql.startswith("SELECT")


@lru_cache(maxsize=64)
def _insert_sql(table: str, columns: tuple[str, ...], conflict: str, count: int) -> str:
    row = f"({', '.join('?' * len(columns))})"
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {', '.join([row] * count)} {conflict}"  # noqa: S608  # our words


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
