"""The command line as a whole, once as a real process."""

import os
import subprocess
import sys
from pathlib import Path

from entrepot import __version__
from tests.cli.conftest import Run


def test_version_help_and_migrate(run: Run) -> None:
    assert run("version").stdout == f"{__version__}\n"
    help_text = run("--help").stdout
    for word in ("serve", "apply", "key", "channel", "price", "secret", "server table"):
        assert word in help_text
    assert "reference" not in help_text
    assert "the database is at revision" in run("migrate").stdout
    assert run("migrate").exit_code == 0
    assert run("key", "list").stderr == ""
    assert run("nonsense").exit_code == 2


def test_a_real_process(tmp_path: Path) -> None:
    environment = {**os.environ, "ENTREPOT_DATA_DIR": str(tmp_path / "data")}

    def entrepot(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "entrepot", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)

    made = entrepot("key", "create", "--name", "k", "--quota", "1.5", "--json")
    assert made.returncode == 0, made.stderr
    assert '"quota": "1.5"' in made.stdout
    assert (tmp_path / "data" / "entrepot.db").exists()
    refused = entrepot("key", "show", "x")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert (
        refused.stderr == "error: There is no key 'x'. Did you mean 'k'?\n" or refused.stderr == "error: There is no key 'x'.\n"
    )
