"""What control's services stand on: the database, the clock, the vault, the vendors; and one transaction.

Every resource's functions take a `Transaction`. The API opens one a request, a command one,
`apply` one for a whole file. What was written is announced in the change feed at the end of
the same transaction, each change once; a transaction that changed nothing announces nothing.
"""

from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import msgspec
from sqlalchemy import Insert, Table, Update, insert, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql import Executable

from entrepot.control.bound import Bound
from entrepot.control.errors import ConflictError, UnavailableError
from entrepot.control.fields import MICRO
from entrepot.kit.clock import Clock
from entrepot.providers.catalogue import Listed
from entrepot.settings import Settings
from entrepot.store import changes
from entrepot.store.contract import ConflictError as StoreConflictError
from entrepot.store.contract import Database, StoreAwayError, StoreError
from entrepot.store.engine import named, reading, writing
from entrepot.store.vault import Vault
from entrepot.upstream.client import Upstream


class Sandbox(msgspec.Struct, frozen=True):
    """Where the built-in vendor listens on loopback, and the secret it asks for."""

    port: int
    secret: str


class Services(msgspec.Struct, frozen=True):
    """Everything that control's functions need; made once a process."""

    settings: Settings
    engine: AsyncEngine
    clock: Clock
    vault: Vault
    catalogue: Mapping[str, Listed]
    """Vendors by name and alias."""
    upstream: Upstream
    sandbox: Sandbox | None = None
    """None outside of the server: then the sandbox cannot be reached."""

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator["Transaction"]:
        """One transaction; commits unless an exception leaves it.

        Raises ConflictError where another writer was first, UnavailableError where the database does not answer.
        """
        with _named_errors():
            async with writing(self.engine) as connection:
                transaction = Transaction(connection, self)
                yield transaction
                await transaction.announce()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator["Transaction"]:
        """One consistent view that blocks no writer. Raises UnavailableError."""
        with _named_errors():
            async with reading(self.engine) as connection:
                yield Transaction(connection, self)


class Transaction:
    """A connection in a transaction, the time it began, and what it has to announce."""

    __slots__ = ("_announced", "connection", "now", "services", "writes")

    def __init__(self, connection: AsyncConnection, services: Services) -> None:
        self.connection = connection
        self.services = services
        self.now = int(services.clock.wall() * MICRO)
        """Microseconds since 1970."""
        self.writes = 0
        """Rows written so far: tells a change from none."""
        self._announced: dict[tuple[str, str], None] = {}

    @property
    def raw(self) -> Database:
        """The same transaction, for the statements about money that control shares with workers."""
        return Bound(self.connection)

    async def rows(self, query: Executable) -> list[RowMapping]:
        """All rows of a query."""
        return list((await self.connection.execute(query)).mappings())

    async def row(self, query: Executable) -> RowMapping | None:
        """The first row of a query."""
        return (await self.connection.execute(query)).mappings().first()

    async def scalar(self, query: Executable) -> Any:
        """The first column of the first row."""
        return (await self.connection.execute(query)).scalar()

    async def add(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert a row; its id."""
        result = await self.write(insert(table).values(**values).returning(table.c.id))
        return int(result.scalar_one())

    async def change(self, table: Table, before: RowMapping, values: Mapping[str, Any]) -> bool:
        """Set what differs from `before`; False where nothing does."""
        fresh = {name: value for name, value in values.items() if before[name] != value}
        if fresh:
            await self.write(update(table).where(table.c.id == before["id"]).values(**fresh))
        return bool(fresh)

    async def write(self, statement: Insert | Update | Executable) -> Any:
        """Run a statement that writes."""
        self.writes += 1
        return await self.connection.execute(statement)

    def touched_snapshot(self) -> None:
        """Groups, channels, models, prices or settings have changed."""
        self._announced[("snapshot", "")] = None

    def touched_key(self, sha256: str) -> None:
        """A key, or the user behind it, has changed."""
        self._announced[("key", sha256)] = None

    def touched_vendor_keys(self, channel_id: int) -> None:
        """Workers shall forget what they have against a channel and its keys."""
        self._announced[("vendor_key", str(channel_id))] = None

    async def announce(self) -> None:
        """Write the change feed's rows."""
        for kind, reference in self._announced:
            await changes.publish(self.connection, kind, reference)


@contextmanager
def _named_errors() -> Generator[None]:
    """The database's errors in control's words; what is a bug of ours stays as it is."""
    try:
        yield
    except (StoreError, DBAPIError, OSError, TimeoutError) as error:
        found = error if isinstance(error, StoreError) else named(error)
        if isinstance(found, StoreConflictError):
            message = "Somebody changed the same rows at the same time, or the name is taken. Try again."
            raise ConflictError(message) from error
        if isinstance(found, StoreAwayError):
            raise UnavailableError(f"The database does not answer: {found}") from error
        raise
