"""`entrepot model …`: what is known of a name or a wildcard."""

from typing import Annotated

import typer

from entrepot.cli.options import given, numbers
from entrepot.cli.output import After, Json, Limit, say, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.models import service
from entrepot.control.models.schemas import ModelCreate, ModelUpdate
from entrepot.control.problems import read

app = typer.Typer(no_args_is_help=True, help="Models: what is known of a name or a wildcard.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name, or a wildcard such as 'gpt-4o*'.")]
Description = Annotated[str | None, typer.Option("--description", help="For people.")]
Owner = Annotated[str | None, typer.Option("--owner", help="`owned_by` in the list of models.")]
Disconnect = Annotated[
    str | None, typer.Option("--disconnect", help="When a client leaves in mid-answer: cancel, drain or free-if-empty.")
]
Timeouts = Annotated[
    list[str] | None, typer.Option("--timeout", metavar="NAME=SECONDS", help="connect, first_byte, idle or total.")
]


@app.command(epilog="Example: entrepot model create 'o3*' --disconnect drain --timeout first_byte=900")
def create(
    ctx: typer.Context,
    name: Name,
    description: Description = None,
    owner: Owner = None,
    disconnect: Disconnect = None,
    *,
    timeout: Timeouts = None,
    as_json: Json = False,
) -> None:
    """Create a model or a wildcard."""
    timeouts = numbers(timeout, "--timeout")
    fields = given(name=name, description=description, owner=owner, disconnect=disconnect, timeouts=timeouts)
    show(in_transaction(ctx, lambda tx: service.create(tx, read(ModelCreate, fields))), as_json=as_json)


@app.command("list", epilog="Example: entrepot model list")
def list_models(ctx: typer.Context, limit: Limit = 100, after: After = None, *, as_json: Json = False) -> None:
    """List models in the order of their creation, with the prices that hold now."""
    page = in_view(ctx, lambda tx: service.list_page(tx, limit, after))
    show_page(page, ("name", "owner", "disconnect", "prices", "description"), as_json=as_json)


@app.command("show", epilog="Example: entrepot model show gpt-4o-mini")
def show_model(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one model."""
    show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot model update gpt-4o-mini --owner openai")
def update(
    ctx: typer.Context,
    name: Name,
    description: Description = None,
    owner: Owner = None,
    disconnect: Disconnect = None,
    *,
    timeout: Timeouts = None,
    as_json: Json = False,
) -> None:
    """Change a model; what is left out stays."""
    timeouts = numbers(timeout, "--timeout")
    fields = given(description=description, owner=owner, disconnect=disconnect, timeouts=timeouts)
    show(in_transaction(ctx, lambda tx: service.update(tx, name, read(ModelUpdate, fields))), as_json=as_json)


@app.command(epilog="Example: entrepot model delete 'o3*'")
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a model and its prices."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("deleted")
