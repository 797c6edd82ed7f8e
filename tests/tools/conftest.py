"""A small checkout made of texts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.rules.project import Project

Checkout = Callable[[dict[str, str]], Project]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Writes the files and reads them as a project."""

    def write(files: dict[str, str]) -> Project:
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        return Project.at(tmp_path)

    return write
