"""The store's raw contract inside a transaction of control's: the statements about money are written once, in `buckets`."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from entrepot.store.contract import (
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
    due,
    nothing_between,
)
from entrepot.store.engine import named


class Bound:
    """A `Database` whose statements all belong to one transaction: it commits none of them.

    `change` and `transaction` are savepoints: one that fails leaves the transaction as it was before.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> Dialect:
        return cast("Dialect", self._connection.dialect.name)

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        return _rows(await self._run(sql, values))

    async def execute(self, sql: str, *values: Any) -> int:
        return max((await self._run(sql, values)).rowcount, 0)

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        return [await self.fetch(sql, *values) for sql, values in work]

    async def transaction(self, work: Sequence[Statement | Many]) -> list[int]:
        async with self._connection.begin_nested():
            return [await self._count(step) for step in work]

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        results: list[list[Row]] = []
        async with self._connection.begin_nested():
            for index, step in enumerate(work):
                between("between")
                if isinstance(step, Rows):
                    raise StatementError("rows by the many are a worker's")
                results.append(rows := await self._step(step))
                if due(step) not in (None, len(rows)):
                    raise GuardError(index)
        return results

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        del channel, woken  # a transaction that waits for others would block them
        return False

    async def close(self) -> None:
        """The connection is not ours."""

    async def _count(self, step: Statement | Many) -> int:
        if isinstance(step, Statement):
            return await self.execute(step.sql, *step.values)
        for values in step.rows:
            await self.execute(step.sql, *values)
        return len(step.rows)

    async def _step(self, step: Statement | Many | Guard | GuardMany) -> list[Row]:
        if isinstance(step, Many | GuardMany):
            return [row for values in step.rows for row in await self.fetch(step.sql, *values)]
        return await self.fetch(step.sql, *step.values)

    async def _run(self, sql: str, values: Sequence[Any]) -> CursorResult[Any]:
        # `$1` is a place to PostgreSQL's driver and a name to SQLite's.
        given = {str(place): value for place, value in enumerate(values, 1)} if self.dialect == "sqlite" else tuple(values)
        try:
            return await self._connection.exec_driver_sql(sql, given or None)
        except DBAPIError as error:
            raise named(error) from error


def _rows(result: CursorResult[Any]) -> list[Row]:
    return [tuple(row) for row in result.fetchall()] if result.returns_rows else []
