"""`entrepot retention …`: what is deleted when it is old. The server does it by itself, once an hour."""

from typing import Annotated

import typer

from entrepot.cli.output import Json, say, show_page
from entrepot.cli.session import on_services
from entrepot.control.pages import Page
from entrepot.control.retention.schemas import RetentionView
from entrepot.control.retention.service import Run
from entrepot.control.services import Services
from entrepot.store.raw import open_database

app = typer.Typer(no_args_is_help=True, help="Retention: what is deleted when it is old.")

_COLUMNS = ("rule", "setting", "days", "rows", "note", "meaning")
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")]


@app.command(epilog="Example: entrepot retention show")
def show(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Show the rules, and how many rows are too old by each. `entrepot setting set retain_usage 30` changes one."""
    _print(_run(ctx, quiet=True, dry=True), as_json=as_json)


@app.command(epilog="Example: entrepot retention run --dry-run")
def run(ctx: typer.Context, *, dry_run: DryRun = False, as_json: Json = False) -> None:
    """Delete now what is too old, in small steps, with or without a server running.

    Totals of deleted calls are kept, so that `entrepot ledger verify` holds as before. Exit code 1 where
    something could not be done now; it is done by the next run.
    """
    found = _run(ctx, quiet=as_json, dry=dry_run)
    _print(found, as_json=as_json)
    raise typer.Exit(1 if any(rule.note for rule in found.data) else 0)


def _run(ctx: typer.Context, *, quiet: bool, dry: bool) -> RetentionView:
    async def work(services: Services) -> RetentionView:
        db = await open_database(services.settings.database, durability=services.settings.durability, slow=True)
        try:
            begun = await Run.begin(db, _silent if quiet else say)
            return await (begun.look() if dry else begun.work())
        finally:
            await db.close()

    return on_services(ctx, work)


def _print(found: RetentionView, *, as_json: bool) -> None:
    show_page(Page(data=found.data), _COLUMNS, as_json=as_json)


def _silent(_: str) -> None:
    """Nobody reads along."""
