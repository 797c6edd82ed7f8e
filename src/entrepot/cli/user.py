"""`entrepot user …`: the accounts that own keys."""

from typing import Annotated, Any, Unpack

import typer

from entrepot.cli.options import Lift, SpenderOptions, budgets, lifted, spelled_out
from entrepot.cli.output import After, Json, Limit, say, show, show_page
from entrepot.cli.session import in_transaction, in_view, typed_secret
from entrepot.control.problems import read
from entrepot.control.rates import NAMES as RATES
from entrepot.control.users import service
from entrepot.control.users.schemas import UserCreate, UserUpdate, UserView

app = typer.Typer(no_args_is_help=True, help="Users: the accounts that own keys.")

Name = Annotated[str, typer.Argument(metavar="NAME")]


class Options(SpenderOptions, total=False):
    """What can be said of a user. Limits and budgets are for all of the user's keys together."""

    role: Annotated[str, typer.Option("--role", help="admin or user.")]
    group: Annotated[str, typer.Option("--group", help="The group of the user's keys that name none.")]
    password: Annotated[str, typer.Option("--password", help="Text, or - to read it from standard input.")]


@app.command(epilog="Example: entrepot user create alice --group vip --password -")
@spelled_out
def create(ctx: typer.Context, name: Name, *, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Create a user."""
    fields = _fields(said)
    show(in_transaction(ctx, lambda tx: service.create(tx, read(UserCreate, {"name": name, **fields}))), as_json=as_json)


@app.command("list", epilog="Example: entrepot user list")
def list_users(ctx: typer.Context, limit: Limit = 100, after: After = None, *, as_json: Json = False) -> None:
    """List users in the order of their creation."""
    page = in_view(ctx, lambda tx: service.list_page(tx, limit, after))
    show_page(page, ("id", "name", "role", "group", "status", *RATES, "created_at"), as_json=as_json)


@app.command("show", epilog="Example: entrepot user show alice")
def show_user(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one user."""
    show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot user update alice --rpm 600 --budget 100/month --lift tpm")
@spelled_out
def update(ctx: typer.Context, name: Name, *, lift: Lift = None, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Change a user; what is left out stays."""
    show(_updated(ctx, name, {**_fields(said), **lifted(lift, dict.fromkeys((*RATES, "budget")))}), as_json=as_json)


@app.command(epilog="Example: entrepot user disable alice")
def disable(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Refuse all keys of a user."""
    show(_updated(ctx, name, {"status": "disabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot user enable alice")
def enable(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Take a disabled user's keys again."""
    show(_updated(ctx, name, {"status": "enabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot user delete alice")
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a user and its keys; the usage stays."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("deleted")


def _fields(said: Options) -> dict[str, Any]:
    secret = {"password": typed_secret(said["password"])} if "password" in said else {}
    return {**said, **secret, **budgets(said.get("budget"))}


def _updated(ctx: typer.Context, name: str, fields: dict[str, Any]) -> UserView:
    return in_transaction(ctx, lambda tx: service.update(tx, name, read(UserUpdate, fields)))
