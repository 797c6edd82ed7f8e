"""`entrepot model …`: what is known of a name or a wildcard."""

from typing import Annotated, Any, Unpack

import typer

from entrepot.cli.options import Lift, RateOptions, lifted, numbers, spelled_out
from entrepot.cli.output import After, Json, Limit, say, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.models import service
from entrepot.control.models.schemas import ModelCreate, ModelUpdate
from entrepot.control.problems import read
from entrepot.control.rates import NAMES as RATES

app = typer.Typer(no_args_is_help=True, help="Models: what is known of a name or a wildcard.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A name, or a wildcard such as 'gpt-4o*'.")]


class Options(RateOptions, total=False):
    """What can be said of a model. Limits are for all calls of all names that it fits, together."""

    description: Annotated[str, typer.Option("--description", help="For people.")]
    owner: Annotated[str, typer.Option("--owner", help="`owned_by` in the list of models.")]
    disconnect: Annotated[
        str, typer.Option("--disconnect", help="When a client leaves in mid-answer: cancel, drain or free-if-empty.")
    ]
    affinity: Annotated[
        str,
        typer.Option("--affinity", help="What keeps calls on one channel: off, key, session or prefix."),
    ]
    max_output: Annotated[
        int, typer.Option("--max-output", help="Output tokens that it can write in one answer; 0: as the start catalogue says.")
    ]
    timeout: Annotated[list[str], typer.Option("--timeout", metavar="NAME=SECONDS", help="connect, first_byte, idle or total.")]


@app.command(epilog="Example: entrepot model create 'o3*' --disconnect drain --timeout first_byte=900")
@spelled_out
def create(ctx: typer.Context, name: Name, *, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Create a model or a wildcard."""
    fields = _fields(said)
    show(in_transaction(ctx, lambda tx: service.create(tx, read(ModelCreate, {"name": name, **fields}))), as_json=as_json)


@app.command("list", epilog="Example: entrepot model list")
def list_models(ctx: typer.Context, limit: Limit = 100, after: After = None, *, as_json: Json = False) -> None:
    """List models in the order of their creation, with the prices that hold now."""
    page = in_view(ctx, lambda tx: service.list_page(tx, limit, after))
    show_page(page, ("name", "owner", "disconnect", *RATES, "prices", "description"), as_json=as_json)


@app.command("show", epilog="Example: entrepot model show gpt-4o-mini")
def show_model(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one model."""
    show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot model update gpt-4o-mini --owner openai --rpm 500")
@spelled_out
def update(ctx: typer.Context, name: Name, *, lift: Lift = None, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Change a model; what is left out stays."""
    fields = {**_fields(said), **lifted(lift, dict.fromkeys(RATES))}
    show(in_transaction(ctx, lambda tx: service.update(tx, name, read(ModelUpdate, fields))), as_json=as_json)


@app.command(epilog="Example: entrepot model delete 'o3*'")
def delete(ctx: typer.Context, name: Name) -> None:
    """Delete a model and its prices."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("deleted")


def _fields(said: Options) -> dict[str, Any]:
    fields: dict[str, Any] = {**said}
    timeouts = numbers(fields.pop("timeout", None), "--timeout")
    return fields if timeouts is None else {**fields, "timeouts": timeouts}
