"""`entrepot secret rotate`"""

import sqlite3
from pathlib import Path

from tests.cli.conftest import Run, RunJson


def test_vendor_keys_are_encrypted_anew_and_still_open(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("channel", "add", "--provider", "openai", "--key", "sk-1", "--key", "sk-2", "--models", "*")
    before = _sealed(tmp_path)
    result = run("secret", "rotate")
    assert result.exit_code == 0, result.output
    assert "2 vendor keys" in result.stdout
    assert not set(before) & set(_sealed(tmp_path))
    assert len((tmp_path / "data" / "secret.key").read_text().split()) == 2
    again = run("channel", "add-key", "openai", "--key", "sk-1")  # it opens the keys to compare
    assert "has this key already" in again.stderr


def test_a_wrong_key_is_refused(run: Run, run_json: RunJson, tmp_path: Path) -> None:
    run_json("channel", "add", "--provider", "openai", "--key", "sk-1", "--models", "*")
    (tmp_path / "data" / "secret.key").write_text("A" * 43 + "=\n")
    result = run("secret", "rotate")
    assert result.exit_code == 1
    assert "not the one that encrypted" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def _sealed(tmp_path: Path) -> list[bytes]:
    database = sqlite3.connect(tmp_path / "data" / "entrepot.db")
    rows = database.execute("SELECT secret FROM channel_keys").fetchall()
    database.close()
    return [row[0] for row in rows]
