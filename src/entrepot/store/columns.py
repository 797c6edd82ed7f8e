"""The kinds of column that our tables are made of.

Money is BIGINT nano-USD, times are BIGINT microseconds since 1970 UTC, lists and maps are
JSON text: both databases store them alike, and the gateway's raw drivers read them alike.
"""

from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself in a column of this very type only."""


def row_id() -> Column[int]:
    """Goes with `sqlite_autoincrement`: an id is never given twice, or old usage rows would name new keys."""
    return Column("id", Id, Identity(), primary_key=True)


def call_id() -> Column[str]:
    """A request id of ours as a key. Compared byte by byte, alike on every system, and quicker."""
    return Column("id", Text(collation="C").with_variant(Text(), "sqlite"), primary_key=True)


def time(name: str, *, nullable: bool = False) -> Column[int]:
    """Microseconds since 1970 UTC."""
    return Column(name, BigInteger, nullable=nullable)


def text(name: str, default: str | None = None, *, unique: bool = False, nullable: bool = False) -> Column[str]:
    """Text, or JSON as text."""
    return Column(name, Text, nullable=nullable, unique=unique, server_default=default)


def integer(name: str, default: int | None = None, *, nullable: bool = False) -> Column[int]:
    """A whole number of 64 bits: counts, nano-USD, ids of other tables."""
    return Column(name, BigInteger, nullable=nullable, server_default=None if default is None else str(default))
