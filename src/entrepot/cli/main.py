"""The command line as a whole: options before the command, and the nouns."""

from pathlib import Path
from typing import Annotated

import typer

from entrepot import __version__
from entrepot.cli import (
    admin,
    balance,
    channel,
    group,
    key,
    ledger,
    model,
    price,
    retention,
    route,
    secret,
    setting,
    usage,
    user,
)
from entrepot.cli.apply import apply
from entrepot.cli.output import say
from entrepot.cli.providers import providers
from entrepot.cli.receipt import receipt
from entrepot.cli.reference import reference
from entrepot.cli.serve import serve
from entrepot.cli.session import EXPECTED, Chosen, chosen, explained, fail
from entrepot.store import migrate as migrations

_EXAMPLES = {
    "serve": "Example: entrepot serve --config entrepot.toml --workers 2",
    "apply": "Example: entrepot apply entrepot.toml",
    "providers": "Example: entrepot providers",
    "receipt": "Example: entrepot receipt req_20270131…",
    "migrate": "Example: entrepot migrate",
    "version": "Example: entrepot version",
}


def options(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="Configuration file; its server table is read.")] = None,
    data_dir: Annotated[str | None, typer.Option("--data-dir", help="Folder of the data. Default: data.")] = None,
    database_url: Annotated[str | None, typer.Option("--database-url", help="postgresql://… Default: SQLite.")] = None,
) -> None:
    """Entrepot: one base URL and one key in front of many AI vendors.

    Commands work on the database, with or without a server running; a running one notices
    within a second. Every setting can also be given as ENTREPOT_… in the environment.
    """
    given = {"data_dir": data_dir, "database_url": database_url}
    ctx.obj = Chosen(config, {name: value for name, value in given.items() if value is not None})


def migrate(ctx: typer.Context) -> None:
    """Make the database, or bring it to this program's schema. `serve` does it by itself."""
    try:
        settings = chosen(ctx).settings()
        settings.data_path.mkdir(parents=True, exist_ok=True, mode=0o700)
        revision = migrations.migrate(settings.database)
    except EXPECTED as error:
        fail(explained(error))
    say(f"the database is at revision {revision}")


def version() -> None:
    """Print the version."""
    say(__version__)


def build() -> typer.Typer:
    """The whole command line."""
    app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.callback()(options)
    for command in (serve, apply, providers, receipt, migrate, version):
        app.command(epilog=_EXAMPLES[command.__name__])(command)
    for noun in (key, user, balance, ledger, group, channel, model, price, route, usage, retention, setting, admin, secret):
        app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])

    @app.command("reference", hidden=True)
    def print_reference() -> None:  # pyright: ignore[reportUnusedFunction]
        """Print the commands' documentation as Markdown."""
        typer.echo(reference(app), nl=False)

    return app


def main() -> None:
    """The program's entry."""
    build()()
