"""docs/cli.md is what the commands say of themselves."""

from pathlib import Path
from typing import Any

import typer

from entrepot.cli.main import build
from entrepot.cli.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_document_is_current() -> None:
    assert DOCUMENT.read_text("utf-8") == reference(build()), "run: entrepot reference > docs/cli.md"


def test_every_command_has_words_and_an_example() -> None:
    root: Any = typer.main.get_command(build())
    seen = list(_commands(root, "entrepot"))
    assert len(seen) > 40
    for path, command in seen:
        assert command.help, path
        assert command.epilog.startswith(f"Example: {path}"), path
        assert f"`{path}`" in DOCUMENT.read_text("utf-8")


def _commands(command: Any, path: str) -> Any:
    children = getattr(command, "commands", {})
    if not children and not command.hidden:
        yield path, command
    for name, child in children.items():
        yield from _commands(child, f"{path} {name}")
