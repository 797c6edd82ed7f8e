"""The gateway's way to the database: raw drivers, no SQLAlchemy (measured 5 to 40 times cheaper a query)."""

from typing import Final, Literal

from entrepot.store.contract import ConflictError as ConflictError
from entrepot.store.contract import Database as Database
from entrepot.store.contract import DatabaseUrlError as DatabaseUrlError
from entrepot.store.contract import Guard as Guard
from entrepot.store.contract import GuardError as GuardError
from entrepot.store.contract import GuardMany as GuardMany
from entrepot.store.contract import Many as Many
from entrepot.store.contract import Row as Row
from entrepot.store.contract import Rows as Rows
from entrepot.store.contract import Statement as Statement
from entrepot.store.contract import StatementError as StatementError
from entrepot.store.contract import Step as Step
from entrepot.store.contract import StoreAwayError as StoreAwayError
from entrepot.store.contract import StoreError as StoreError
from entrepot.store.postgresql import open_postgresql
from entrepot.store.sqlite import open_sqlite
from entrepot.store.url import postgresql_dsn, sqlite_path

SLOW: Final = 3600.0
"""Seconds for one statement, where nobody waits for it."""


async def open_database(url: str, *, durability: Literal["process", "fsync"] = "process", slow: bool = False) -> Database:
    """Open a database that has been migrated. Raises StoreAwayError, DatabaseUrlError.

    PostgreSQL is connected to at the first use, so that a gateway may start while it is away.
    `slow`: for work on whole tables, whose statements may take an hour.
    """
    path = sqlite_path(url)
    if path is not None:
        return await open_sqlite(path, fsync=durability == "fsync")
    if slow:
        return await open_postgresql(postgresql_dsn(url), command_timeout=SLOW, whole_tables=True)
    return await open_postgresql(postgresql_dsn(url))
