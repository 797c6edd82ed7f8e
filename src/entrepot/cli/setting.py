"""`entrepot setting …`: what every node must see the same."""

from typing import Annotated

import typer

from entrepot.cli.output import Json, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.pages import Page
from entrepot.control.services import Transaction
from entrepot.control.settings import service
from entrepot.control.settings.schemas import SettingUpdate, SettingView

app = typer.Typer(no_args_is_help=True, help="Settings in the database: what every node must see the same.")


@app.command("list", epilog="Example: entrepot setting list")
def list_settings(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List all settings with their values."""

    async def work(tx: Transaction) -> Page[SettingView]:
        return Page(data=await service.list_all(tx))

    show_page(in_view(ctx, work), ("name", "value", "meaning"), as_json=as_json)


@app.command("set", epilog="Example: entrepot setting set title 'Our relay'")
def set_value(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="Empty takes the setting back to its default.")],
    *,
    as_json: Json = False,
) -> None:
    """Set a value."""
    show(in_transaction(ctx, lambda tx: service.update(tx, name, SettingUpdate(value=value))), as_json=as_json)
