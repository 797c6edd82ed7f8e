"""One reading of database URLs for both drivers."""

from pathlib import Path

import pytest

from entrepot.store.contract import DatabaseUrlError
from entrepot.store.url import postgresql_dsn, sqlite_path


def test_sqlite_files() -> None:
    assert sqlite_path("sqlite:////var/lib/entrepot.db") == Path("/var/lib/entrepot.db")
    assert sqlite_path("sqlite:///data/100%25 mine.db") == Path("data/100%25 mine.db")
    assert sqlite_path("sqlite+aiosqlite:////x.db") == Path("/x.db")


def test_postgresql_by_any_of_its_names() -> None:
    for url in ("postgresql://u:p@h/db?sslmode=require", "postgres://u:p@h/db?sslmode=require"):
        assert sqlite_path(url) is None
        assert postgresql_dsn(url) == "postgresql://u:p@h/db?sslmode=require"
    assert postgresql_dsn("postgresql+asyncpg://h/db") == "postgresql://h/db"


@pytest.mark.parametrize("url", ["", "data/x.db", "mysql://h/db", "sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        sqlite_path(url)


def test_a_password_is_not_repeated_in_the_error() -> None:
    with pytest.raises(DatabaseUrlError) as caught:
        sqlite_path("mysql://user:hunter2@h/db")
    assert "hunter2" not in str(caught.value)
