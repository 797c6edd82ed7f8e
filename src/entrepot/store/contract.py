"""What a raw database can do, and the errors that its callers must know."""

from collections.abc import Callable, Iterator, Sequence
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


class GuardError(StoreError):
    """A guard found no row: nothing was changed."""

    def __init__(self, step: int) -> None:
        super().__init__(f"step {step} of the transaction found no row")
        self.step = step


class DatabaseUrlError(ValueError):
    """Not a database URL that we understand."""


class Listing(Protocol):
    """Rows of values, perhaps made as they are asked for: where the driver has a thread, in that thread.

    Asked for once, in the order of the steps; how many there are is known before.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Sequence[Any]]: ...


class Statement(NamedTuple):
    """One statement with its values. Placeholders are `$1`, `$2`, … on both databases."""

    sql: str
    values: Sequence[Any] = ()


class Many(NamedTuple):
    """One statement, run once for each row of values."""

    sql: str
    rows: Listing


class Guard(NamedTuple):
    """A statement with RETURNING that must give a row for each of its conditions, else the transaction is rolled back."""

    sql: str
    values: Sequence[Any] = ()
    rows: int = 1
    """How many rows it must give."""


class GuardMany(NamedTuple):
    """A statement with RETURNING, run once for each row of values; each must give a row."""

    sql: str
    rows: Sequence[Sequence[Any]]


class Rows(NamedTuple):
    """Rows to insert, many by one statement; each must be written, else the transaction is rolled back."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    """PostgreSQL's, one a column."""
    conflict: str
    """What follows the values: `ON CONFLICT …`, or nothing."""
    rows: Listing


Step: TypeAlias = Statement | Many | Guard | GuardMany | Rows


def due(step: Statement | Many | Guard | GuardMany) -> int | None:
    """How many rows a step must give; None where any number will do."""
    if isinstance(step, Guard):
        return step.rows
    return len(step.rows) if isinstance(step, GuardMany) else None


def nothing_between(_: str) -> None:
    """What happens between two statements, unless a test wants to see a crash there."""


class Database(Protocol):
    """Two connections to SQLite (one reads), or a small pool to PostgreSQL.

    Every method raises StoreAwayError, ConflictError or StatementError, and nothing else (`change` also GuardError).
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

    async def change(self, work: Sequence[Step], between: Callable[[str], None] = nothing_between) -> list[list[Row]]:
        """All or nothing. Gives the rows that each step returned (RETURNING or SELECT; [] without).

        Raises GuardError where a guard found no row: then nothing was changed. `between` is called
        with `between` before each statement, from whatever thread runs it: tests crash there.
        """
        ...

    async def listen(self, channel: str, woken: Callable[[], None]) -> bool:
        """Have `woken` called at each NOTIFY on `channel`; False where that is not to be had.

        Cheap to repeat, and must be repeated: it connects again when the connection was lost.
        """
        ...

    async def close(self) -> None:
        """Close connections; nothing may be called after that."""
        ...
