"""What a raw database can do, and the errors that its callers must know."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Dialect: TypeAlias = Literal["sqlite", "postgresql"]
Row: TypeAlias = tuple[Any, ...]


class StoreError(Exception):
    """Something went wrong in the store. Never raised itself, only its kinds below."""


class StoreAwayError(StoreError):
    """The database cannot be reached, is locked, full or stopping: weather, it may pass.

    When it comes out of a write, the outcome is unknown: read back before you repeat.
    """


class ConflictError(StoreError):
    """A constraint refused the row (unique, foreign key, check, not null)."""


class StatementError(StoreError):
    """The statement or its values are wrong: a bug, or a database that was not migrated."""


class DatabaseUrlError(ValueError):
    """Not a database URL that we understand."""


class Statement(NamedTuple):
    """One statement with its values. Placeholders are `$1`, `$2`, … on both databases."""

    sql: str
    values: Sequence[Any] = ()


class Many(NamedTuple):
    """One statement, run once for each row of values."""

    sql: str
    rows: Sequence[Sequence[Any]]


class Database(Protocol):
    """One connection to SQLite, or a small pool to PostgreSQL.

    Every method raises StoreAwayError, ConflictError or StatementError, and nothing else.
    """

    @property
    def dialect(self) -> Dialect:
        """Which database it is."""
        ...

    async def fetch(self, sql: str, *values: Any) -> list[Row]:
        """All rows of one statement; a changing statement with RETURNING is committed."""
        ...

    async def execute(self, sql: str, *values: Any) -> int:
        """Run one statement and commit it. Gives the number of rows changed."""
        ...

    async def read(self, work: Sequence[Statement]) -> list[list[Row]]:
        """The rows of several queries, all seen at one moment."""
        ...

    async def transaction(self, work: Sequence[Statement | Many]) -> list[int]:
        """All or nothing. Gives the rows changed by each; for a Many, the rows sent."""
        ...

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        """Have `woken` called at each NOTIFY on `channel`; False where that is not to be had.

        Cheap to repeat, and must be repeated: it connects again when the connection was lost.
        """
        ...

    async def close(self) -> None:
        """Close connections; nothing may be called after that."""
        ...
