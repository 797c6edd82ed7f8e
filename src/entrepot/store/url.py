"""Database URLs, read in one place: `sqlite:///relative`, `sqlite:////absolute`, `postgresql://…`, `postgres://…`."""

from pathlib import Path

from entrepot.store.contract import DatabaseUrlError

_POSTGRESQL = ("postgresql://", "postgres://", "postgresql+asyncpg://")
_SQLITE = ("sqlite:///", "sqlite+aiosqlite:///")


def sqlite_path(url: str) -> Path | None:
    """The file of a SQLite URL, or None for PostgreSQL. Raises DatabaseUrlError."""
    for prefix in _SQLITE:
        if url.startswith(prefix):
            name = url.removeprefix(prefix)
            if not name or name == ":memory:":
                raise DatabaseUrlError("SQLite needs a file: several processes share the database")
            return Path(name)
    if url.startswith(_POSTGRESQL):
        return None
    scheme = url.partition(":")[0]
    raise DatabaseUrlError(f"{scheme}: is not a database URL; expected sqlite:///path or postgresql://user@host/name")


def postgresql_dsn(url: str) -> str:
    """The URL as asyncpg takes it."""
    for prefix in _POSTGRESQL:
        if url.startswith(prefix):
            return "postgresql://" + url.removeprefix(prefix)
    raise DatabaseUrlError("not a PostgreSQL URL")
