"""What commands print: tables for people, JSON for machines."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, cast

import typer
from pydantic import BaseModel
from rich import box
from rich.console import Console
from rich.table import Table

from entrepot.control.pages import Page

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="Rows to show.")]
After = Annotated[str | None, typer.Option("--after", help="Go on where the list before ended.")]
_WIDE = 200


def say(text: str) -> None:
    """A line for people."""
    _console().print(text, markup=False)


def show_page(page: Page[Any], columns: Sequence[str], *, as_json: bool) -> None:
    """A list: these columns as a table, or all as JSON."""
    if as_json:
        _json(page)
        return
    rows = [item.model_dump() for item in page.data]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    _console().print(table)
    if page.next is not None:
        say(f"more: --after {page.next}")


def show(view: BaseModel, *, as_json: bool, hide: Sequence[str] = ()) -> None:
    """One row: its fields below each other, or JSON."""
    if as_json:
        _json(view)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in view.model_dump().items():
        if name not in hide:
            table.add_row(name.replace("_", " "), _text(value))
    _console().print(table)


def show_secret(view: BaseModel, *, as_json: bool) -> None:
    """A row with a secret that cannot be shown again."""
    show(view, as_json=as_json)
    if not as_json:
        say("Keep the secret now: it cannot be shown again.")


def _json(value: BaseModel) -> None:
    typer.echo(value.model_dump_json(indent=2))


def _text(value: Any) -> str:
    """A value in a cell; nothing is markup."""
    return _plain(value).replace("[", "\\[")


def _plain(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        return ", ".join(f"{key}={_plain(item)}" for key, item in fields.items() if item is not None) or "–"
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[Any]", value)
        return ("; " if isinstance(items[0], Mapping) else ", ").join(_plain(item) for item in items)
    return str(value)


def _console() -> Console:
    """Wide where nobody looks: a table in a file must not be cut to 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDE)
