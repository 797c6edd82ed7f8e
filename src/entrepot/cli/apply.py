"""`entrepot apply FILE`: loads the tables of a configuration file."""

from pathlib import Path
from typing import Annotated

import typer

from entrepot.cli.output import Json, say, show_page
from entrepot.cli.session import on_services
from entrepot.control.apply import Report
from entrepot.control.apply import apply as apply_tables
from entrepot.control.pages import Page
from entrepot.control.services import Services
from entrepot.settings import read_file


def apply(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Such as entrepot.toml; its settings are not used here.")],
    *,
    as_json: Json = False,
) -> None:
    """Load groups, models, channels, users and keys from a file. Applying twice changes nothing."""

    async def work(services: Services) -> Report:
        return await apply_tables(services, read_file(file), file.name)

    report = on_services(ctx, work)
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
        return
    shown = [row for row in report.rows if row.result != "unchanged"]
    if shown:
        show_page(Page(data=shown), ("table", "name", "result"), as_json=False)
    for note in report.notes:
        say(note)
    counts = ", ".join(f"{report.count(result)} {result}" for result in ("created", "updated", "unchanged"))
    say(counts)
