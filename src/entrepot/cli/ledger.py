"""`entrepot ledger …`: why wallets changed, and the proof that every sum holds."""

from typing import Annotated

import typer

from entrepot.cli.output import After, Json, Limit, show, show_page
from entrepot.cli.session import in_view
from entrepot.control.pages import Page
from entrepot.control.services import Transaction
from entrepot.control.wallets import entries
from entrepot.control.wallets.schemas import EntryView

app = typer.Typer(no_args_is_help=True, help="Ledger: every change of every wallet.")

_COLUMNS = ("id", "at", "account", "kind", "amount", "reference", "note")


@app.command("list", epilog="Example: entrepot ledger list --user alice")
def list_entries(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="Only this user's.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="opening, topup, gift, refund, adjustment, usage or shortfall.")
    ] = None,
    limit: Limit = 50,
    after: After = None,
    *,
    as_json: Json = False,
) -> None:
    """List changes of wallets and of the house account, the newest first."""

    async def work(tx: Transaction) -> Page[EntryView]:
        if user is not None:
            return await entries.list_user(tx, user, limit, after, kind=kind)
        return await entries.list_page(tx, limit, after, kind)

    show_page(in_view(ctx, work), _COLUMNS, as_json=as_json)


@app.command(epilog="Example: entrepot ledger verify --json")
def verify(ctx: typer.Context, *, as_json: Json = False) -> None:
    """Check every sum on one snapshot of the database; workers may go on meanwhile.

    Exit code 0 where all hold; 1 where one does not, and the findings say which.
    """
    found = in_view(ctx, entries.verify)
    show(found, as_json=as_json, hide=("findings",))
    for finding in found.findings if not as_json else ():
        typer.echo(f"does not hold: {finding}")
    raise typer.Exit(0 if found.ok else 1)
