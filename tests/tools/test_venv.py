"""The set-up script says what is missing before it leaves anything half-made.

That it installs what is needed is shown by the test run itself.
"""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "tools/venv.sh"


@pytest.fixture
def empty_checkout(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    shutil.copy(_SCRIPT, tmp_path / "tools/venv.sh")
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    return tmp_path


def _python(folder: Path, answers: str) -> str:
    """A stand-in for an interpreter: a shell script that answers to `-c`."""
    file = folder / "python-stand-in"
    file.write_text(f"#!/bin/sh\n{answers}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def _run(folder: Path, python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(folder / "tools/venv.sh"), *arguments]
    return subprocess.run(command, env={"PATH": "/usr/bin:/bin", "PYTHON": python}, capture_output=True, text=True, check=False)


def test_a_python_without_venv_is_named_with_the_cure(empty_checkout: Path) -> None:
    python = _python(empty_checkout, 'case "$2" in *ensurepip*) exit 1;; *) exit 0;; esac')
    done = _run(empty_checkout, python)
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (empty_checkout / ".venv").exists()


def test_a_python_that_is_too_old_is_named_with_the_cure(empty_checkout: Path) -> None:
    done = _run(empty_checkout, _python(empty_checkout, "exit 1"))
    assert done.returncode == 1
    assert "Python 3.11 or newer" in done.stderr
    assert not (empty_checkout / ".venv").exists()


def test_what_it_can_be_asked_for(empty_checkout: Path) -> None:
    done = _run(empty_checkout, "python3", "everything")
    assert done.returncode == 2
    assert "runtime|dev" in done.stderr
