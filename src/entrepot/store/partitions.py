"""Usage by the day on PostgreSQL: which partition holds a request id, and the SQL that makes and drops partitions.

Request ids sort by time and begin with their UTC day, so a range of ids is a day, and the table's key stays the
id alone. What no partition takes (an id of another shape, a day that nobody prepared, a late record of a day that
was dropped) goes to the default partition: a missing partition loses nothing. SQLite has one table for all days.
"""

from datetime import date, timedelta
from typing import Final

DAYS_AHEAD: Final = 7
"""Days whose partitions exist before they begin: so long may nobody look after them."""
DEFAULT: Final = "usage_default"
BEFORE: Final = "usage_before"
"""All that was written before there were partitions."""
LIST: Final = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'usage'::regclass ORDER BY c.relname"
)
"""The names of all partitions."""


def day_of(wall_us: int) -> date:
    """The UTC day of a time in microseconds since 1970."""
    return date(1970, 1, 1) + timedelta(days=wall_us // 86_400_000_000)


def first_id(day: date) -> str:
    """No id of this day or a later one sorts before it, and none of an earlier day after it."""
    return f"req_{day:%Y%m%d}"


def name_of(day: date) -> str:
    """The partition of a day."""
    return f"usage_{day:%Y%m%d}"


def is_partition(table: str) -> bool:
    """Is it one of the tables behind `usage`?"""
    return table in (DEFAULT, BEFORE) or day_in(table) is not None


def day_in(partition: str) -> date | None:
    """The day that a partition's name says; None for the others."""
    digits = partition.removeprefix("usage_")
    if len(digits) != 8 or not digits.isdecimal():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def make(day: date) -> list[str]:
    """Statements that add a day, to be run in one transaction.

    Attaching blocks no writer of other days, where `CREATE TABLE … PARTITION OF` would block them all
    (postgresql.org/docs/current/sql-altertable.html, "ATTACH PARTITION"). It is refused where the default
    partition holds rows of that day already: then they stay there, and so does the rest of the day.
    """
    name = name_of(day)
    bounds = f"FROM ('{first_id(day)}') TO ('{first_id(day + timedelta(days=1))}')"
    return [
        f"CREATE TABLE {name} (LIKE usage INCLUDING DEFAULTS INCLUDING STORAGE)",
        f"ALTER TABLE usage ATTACH PARTITION {name} FOR VALUES {bounds}",
    ]
