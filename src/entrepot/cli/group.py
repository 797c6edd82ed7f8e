"""`entrepot group …`: ratios, limits, and which channels serve whom."""

from typing import Annotated, Unpack

import typer

from entrepot.cli.options import Lift, RateOptions, lifted, spelled_out
from entrepot.cli.output import Json, say, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.groups import service
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate, GroupView
from entrepot.control.pages import Page
from entrepot.control.problems import read
from entrepot.control.rates import NAMES as RATES
from entrepot.control.services import Transaction

app = typer.Typer(no_args_is_help=True, help="Groups: ratios, limits, and which channels serve whom.")

Name = Annotated[str, typer.Argument(metavar="NAME")]


class Options(RateOptions, total=False):
    """What can be said of a group."""

    ratio: Annotated[str, typer.Option("--ratio", help="Price multiplier, such as 1.5.")]
    description: Annotated[str, typer.Option("--description", help="For people.")]
    affinity: Annotated[
        str,
        typer.Option("--affinity", help="What keeps calls on one channel: off, key, session or prefix."),
    ]
    public: Annotated[bool, typer.Option("--public/--private", help="May users see and choose it?")]
    disconnect: Annotated[
        str,
        typer.Option("--disconnect", help="When a client leaves: cancel, drain, free-if-empty, or each model's own: model."),
    ]
    free_interrupted: Annotated[
        bool, typer.Option("--free-interrupted/--charge-interrupted", help="Are answers free that break off by themselves?")
    ]


@app.command(epilog="Example: entrepot group create vip --ratio 0.8 --rpm 6000")
@spelled_out
def create(ctx: typer.Context, name: Name, *, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Create a group."""
    show(in_transaction(ctx, lambda tx: service.create(tx, read(GroupCreate, {"name": name, **said}))), as_json=as_json)


@app.command("list", epilog="Example: entrepot group list")
def list_groups(ctx: typer.Context, *, as_json: Json = False) -> None:
    """List all groups."""

    async def work(tx: Transaction) -> Page[GroupView]:
        return Page(data=await service.list_all(tx))

    show_page(in_view(ctx, work), ("name", "ratio", "public", "disconnect", *RATES, "description"), as_json=as_json)


@app.command("show", epilog="Example: entrepot group show vip")
def show_group(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one group."""
    show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot group update vip --ratio 0.75 --private --lift rpm")
@spelled_out
def update(ctx: typer.Context, name: Name, *, lift: Lift = None, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Change a group; what is left out stays."""
    fields = {**said, **lifted(lift, dict.fromkeys(RATES))}
    show(in_transaction(ctx, lambda tx: service.update(tx, name, read(GroupUpdate, fields))), as_json=as_json)


@app.command(epilog="Example: entrepot group delete vip")
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a group that no user, key or channel names."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("deleted")
