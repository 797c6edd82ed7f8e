"""The commands, run in this process on a fresh data folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from entrepot.cli.main import build
from entrepot.kit import json

Run = Callable[..., Result]
RunJson = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a command on a data folder of the test's own; the result has exit_code, stdout, stderr."""
    app = build()

    def invoke(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(app, ["--data-dir", str(tmp_path / "data"), *arguments], input=typed)

    return invoke


@pytest.fixture
def run_json(run: Run) -> RunJson:
    """Run a command with `--json`; it must succeed."""

    def invoke(*arguments: str) -> Any:
        result = run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.decode(result.stdout)

    return invoke
