"""`entrepot balance …`: what users have."""

from typing import Annotated

import typer

from entrepot.cli.options import given
from entrepot.cli.output import Json, say, show
from entrepot.cli.session import in_view, on_services
from entrepot.control.problems import read
from entrepot.control.services import Services
from entrepot.control.wallets import service
from entrepot.control.wallets.schemas import CreditCreate, CreditView

app = typer.Typer(no_args_is_help=True, help="Balances: what users have.")

User = Annotated[str, typer.Argument(metavar="USER", help="The user's name.")]


@app.command("show", epilog="Example: entrepot balance show alice")
def show_balance(ctx: typer.Context, user: User, *, as_json: Json = False) -> None:
    """Show what a user has."""
    show(in_view(ctx, lambda tx: service.balance(tx, user)), as_json=as_json)


@app.command(
    epilog="Example: entrepot balance add alice 10 --reference invoice-4711",
    # A negative amount is an amount, not an option.
    context_settings={"ignore_unknown_options": True},
)
def add(
    ctx: typer.Context,
    user: User,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="USD; below zero only with --kind adjustment.")],
    kind: Annotated[str, typer.Option("--kind", help="topup, gift, refund or adjustment.")] = "topup",
    reference: Annotated[
        str | None,
        typer.Option("--reference", help="Names this change for ever: the same one again changes nothing. Default: a new one."),
    ] = None,
    *,
    note: Annotated[str | None, typer.Option("--note", help="For people.")] = None,
    as_json: Json = False,
) -> None:
    """Put money into a user's wallet, or take it out. It never goes below zero."""
    fields = given(amount=amount, kind=kind, reference=reference, note=note)

    async def work(services: Services) -> CreditView:
        return await service.change(services, user, read(CreditCreate, fields))

    found = on_services(ctx, work)
    if as_json:
        show(found, as_json=True)
        return
    entry = found.entry
    words = "booked" if found.applied else "was booked before, nothing changed"
    say(
        f"{entry.amount} USD for {entry.account} ({entry.kind}, {entry.reference}): {words}. Balance: {found.balance.total} USD"
    )
