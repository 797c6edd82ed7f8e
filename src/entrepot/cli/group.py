"""`entrepot group …`: ratios, and which channels serve whom."""

from typing import Annotated

import typer

from entrepot.cli.options import given
from entrepot.cli.output import Json, say, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.groups import service
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate, GroupView
from entrepot.control.pages import Page
from entrepot.control.problems import read
from entrepot.control.services import Transaction

app = typer.Typer(no_args_is_help=True, help="Groups: ratios, and which channels serve whom.")

Name = Annotated[str, typer.Argument(metavar="NAME")]
Ratio = Annotated[str | None, typer.Option("--ratio", help="Price multiplier, such as 1.5.")]
Description = Annotated[str | None, typer.Option("--description", help="For people.")]
Public = Annotated[bool | None, typer.Option("--public/--private", help="May users see and choose it?")]


@app.command(epilog="Example: entrepot group create vip --ratio 0.8")
def create(
    ctx: typer.Context,
    name: Name,
    ratio: Ratio = None,
    description: Description = None,
    public: Public = None,
    *,
    as_json: Json = False,
) -> None:
    """Create a group."""
    fields = given(name=name, ratio=ratio, description=description, public=public)
    show(in_transaction(ctx, lambda tx: service.create(tx, read(GroupCreate, fields))), as_json=as_json)


@app.command("list", epilog="Example: entrepot group list")
def list_groups(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List all groups."""

    async def work(tx: Transaction) -> Page[GroupView]:
        return Page(data=await service.list_all(tx))

    show_page(in_view(ctx, work), ("name", "ratio", "public", "description"), as_json=as_json)


@app.command("show", epilog="Example: entrepot group show vip")
def show_group(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one group."""
    show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot group update vip --ratio 0.75 --private")
def update(
    ctx: typer.Context,
    name: Name,
    ratio: Ratio = None,
    description: Description = None,
    public: Public = None,
    *,
    as_json: Json = False,
) -> None:
    """Change a group; what is left out stays."""
    fields = given(ratio=ratio, description=description, public=public)
    show(in_transaction(ctx, lambda tx: service.update(tx, name, read(GroupUpdate, fields))), as_json=as_json)


@app.command(epilog="Example: entrepot group delete vip")
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a group that no user, key or channel names."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("deleted")
