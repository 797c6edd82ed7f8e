"""PostgreSQL for the gateway: a small asyncpg pool that connects when needed, and again after the server was away."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, cast

import asyncpg

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

POOL_SIZE = 4
CONNECT_TIMEOUT = 5.0
COMMAND_TIMEOUT = 10.0
"""Seconds for one statement: a database that hangs must not hang the gateway."""

PART = 500
"""Rows that are read at a time: about a millisecond."""

# The driver has no types: these two names are its seam.
_Open: TypeAlias = Callable[..., Awaitable[Any]]
connect = cast("_Open", asyncpg.connect)  # pyright: ignore[reportUnknownMemberType]
_create_pool = cast("_Open", asyncpg.create_pool)  # pyright: ignore[reportUnknownMemberType]

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shutting down, starting up, statement timeout
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,  # somebody else has what we wanted, and we had said how long to wait
    asyncpg.ReadOnlySQLTransactionError,  # a fail-over left us on a standby
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.PostgresSystemError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,
)


class PostgresqlDatabase:
    """A pool and, once `listen` was called, one connection beside it. Made by `open_postgresql`."""

    __slots__ = ("_connect_timeout", "_dsn", "_listener", "_pool")

    def __init__(self, dsn: str, pool: Any, connect_timeout: float) -> None:
        self._dsn = dsn
        self._pool = pool
        self._connect_timeout = connect_timeout
        self._listener: Any = None

    @property
    def dialect(self) -> Dialect:
        return "postgresql"

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        async with self._connection() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]

    async def execute(self, sql: str, *values: Any) -> int:
        async with self._connection() as connection:
            return _count(await connection.execute(sql, *values))

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        async with self._connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return [await _rows_in_parts(connection, sql, values) for sql, values in work]

    async def transaction(self, work: Sequence[Statement | Many]) -> list[int]:
        async with self._connection() as connection, connection.transaction():
            return [await _change(connection, step) for step in work]

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        async with self._connection() as connection, connection.transaction():
            results: list[list[Row]] = []
            for index, step in enumerate(work):
                between("between")
                if isinstance(step, Rows):
                    results.append([])
                    complete = await _insert(connection, step) == len(step.rows)
                else:
                    results.append(rows := await _rows(connection, step))
                    complete = due(step) in (None, len(rows))
                if not complete:
                    raise GuardError(index)
            between("between")
            return results

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        if self._listener is not None and not self._listener.is_closed():
            return True
        with _renamed():
            connection = await connect(self._dsn, timeout=self._connect_timeout, command_timeout=COMMAND_TIMEOUT)

            def notified(*_: object) -> None:
                woken()

            try:
                await connection.add_listener(channel, notified)
            except BaseException:
                connection.terminate()
                raise
        self._listener = connection
        return True

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.terminate()
        self._pool.terminate()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any, None]:
        with _renamed():
            async with self._pool.acquire(timeout=self._connect_timeout) as connection:
                try:
                    yield connection
                except asyncpg.InternalClientError:
                    # The server has said farewell on an idle connection, and its end has not come through yet.
                    connection.terminate()
                    raise


class _renamed:  # noqa: N801  # a context manager that reads like a word
    """Driver errors leave as ours. No generator: it would cost more than the query it wraps."""

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(
            error, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError | OSError | TimeoutError
        ):
            raise named(error) from error


def named(error: Exception) -> StoreError:
    """A driver's error in our words."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return ConflictError(text)
    if isinstance(error, (*_AWAY, OSError, TimeoutError)):
        return StoreAwayError(f"PostgreSQL: {text}")
    # The driver has one class for a lost connection and for wrong arguments; only its words differ.
    if isinstance(error, asyncpg.InterfaceError) and ("closed" in text or "closing" in text):
        return StoreAwayError(f"PostgreSQL: {text}")
    return StatementError(text)


async def _change(connection: Any, step: Statement | Many) -> int:
    if isinstance(step, Many):
        await connection.executemany(step.sql, list(step.rows))
        return len(step.rows)
    return _count(await connection.execute(step.sql, *step.values))


async def _insert(connection: Any, step: Rows) -> int:
    """How many rows were written: a statement with an array a column."""
    rows = list(step.rows)
    if not rows:
        return 0
    arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(step.types, 1))
    names = ", ".join(step.columns)
    sql = f"INSERT INTO {step.table} ({names}) SELECT * FROM unnest({arrays}) {step.conflict}"  # noqa: S608  # our words
    return _count(await connection.execute(sql, *zip(*rows, strict=True)))


async def _rows(connection: Any, step: Statement | Many | Guard | GuardMany) -> list[Row]:
    if isinstance(step, Many | GuardMany):
        rows = list(step.rows)
        # One round trip for all rows.
        return [tuple(row) for row in await connection.fetchmany(step.sql, rows)] if rows else []
    return [tuple(row) for row in await connection.fetch(step.sql, *step.values)]


async def _rows_in_parts(connection: Any, sql: str, values: Sequence[Any]) -> list[Row]:
    """All rows of a query, some at a time: the driver makes them on the event loop, and ten thousand are a long stay."""
    cursor = await connection.cursor(sql, *values)
    rows: list[Row] = []
    while True:
        some = await cursor.fetch(PART)
        rows += map(tuple, some)
        if len(some) < PART:
            return rows


def _count(tag: str) -> int:
    """Rows changed, from a command tag such as `INSERT 0 3`."""
    last = tag.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


async def _keep(connection: object) -> None:
    """Nothing to reset: we leave no session state behind, and the default costs a round trip a query."""


async def open_postgresql(
    dsn: str,
    *,
    command_timeout: float = COMMAND_TIMEOUT,
    connect_timeout: float = CONNECT_TIMEOUT,
    whole_tables: bool = False,
) -> PostgresqlDatabase:
    """A pool that has not connected yet. Raises StoreAwayError where the DSN itself makes no sense.

    `whole_tables`: for reports and clearing up, not for look-ups by key.
    """
    with _renamed():
        pool = await _create_pool(
            dsn,
            min_size=0,
            max_size=POOL_SIZE,
            timeout=connect_timeout,
            command_timeout=command_timeout,
            reset=_keep,
            server_settings={
                # Milliseconds; above the client's own timeout, for statements whose client is gone.
                "statement_timeout": str(int(command_timeout * 1500)),
                # A process that is paused in the midst of a transaction, or whose machine is gone, must not hold locks until
                # TCP notices (two hours): shorter than what those wait who want them.
                "idle_in_transaction_session_timeout": str(int(command_timeout * 500)),
                "application_name": "entrepot",
                # A worker looks rows up by key. A statement that was planned while its table was empty (of leases, at
                # night) would read through it when it has 50,000 rows, until the server looks at it again.
                "enable_seqscan": "on" if whole_tables else "off",
            },
        )
    return PostgresqlDatabase(dsn, pool, connect_timeout)
