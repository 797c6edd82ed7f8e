"""Commands and the database: fresh, of another age, away, on PostgreSQL, beside a writer."""

import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from entrepot.cli.main import build
from entrepot.cli.session import Chosen, explained
from entrepot.kit import json
from tests.cli.conftest import Run, RunJson
from tests.databases import Databases


def test_a_fresh_folder_is_made_and_told(run: Run, tmp_path: Path) -> None:
    first = run("key", "list")
    assert first.exit_code == 0
    assert "made a new installation in" in first.stderr
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert run("key", "list").stderr == ""


def test_a_database_of_another_age_is_not_touched(run: Run, tmp_path: Path) -> None:
    run("key", "list")
    database = sqlite3.connect(tmp_path / "data" / "entrepot.db")
    database.execute("UPDATE alembic_version SET version_num = 'old'")
    database.commit()
    database.close()
    result = run("key", "list")
    assert result.exit_code == 1
    assert "entrepot migrate" in result.stderr
    assert "revision old" in result.stderr


def test_on_both_databases(empty_database_url: str, tmp_path: Path) -> None:
    arguments = ["--data-dir", str(tmp_path), "--database-url", empty_database_url]
    app = build()
    made = CliRunner().invoke(app, [*arguments, "key", "create", "--name", "k", "--json"])
    assert made.exit_code == 0, made.output
    listed = CliRunner().invoke(app, [*arguments, "key", "list", "--json"])
    assert [row["name"] for row in json.decode(listed.stdout)["data"]] == ["k"]


def test_a_database_that_is_away(tmp_path: Path, databases: Databases) -> None:
    arguments = ["--data-dir", str(tmp_path), "--database-url", "postgresql://nobody@127.0.0.1:1/x"]
    result = CliRunner().invoke(build(), [*arguments, "key", "list"])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    wrong = CliRunner().invoke(build(), ["--database-url", "mysql://x", "key", "list"])
    assert (wrong.exit_code, "not a database URL" in wrong.stderr) == (1, True)


def test_reading_does_not_wait_for_a_writer(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("key", "create", "--name", "k")
    database = sqlite3.connect(tmp_path / "data" / "entrepot.db", isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    assert [row["name"] for row in run_json("key", "list")["data"]] == ["k"]
    database.close()


def test_settings_come_from_file_and_options(tmp_path: Path) -> None:
    file = tmp_path / "entrepot.toml"
    file.write_text('[server]\nport = 3999\ndata_dir = "here"\n')
    settings = Chosen(file, {"data_dir": "there"}).settings()
    assert (settings.port, settings.data_dir) == (3999, "there")


def test_an_error_is_one_line() -> None:
    assert explained(ValueError("a\n  b")) == "a b"
    assert explained(ValueError()) == "ValueError"
    assert explained(DBAPIError("SELECT secret", None, OSError("no route"))) == "no route"
