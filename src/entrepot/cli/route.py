"""`entrepot route …`: where calls go."""

from typing import Annotated

import typer

from entrepot.cli.output import Json, say, show_page
from entrepot.cli.session import in_view
from entrepot.control.pages import Page
from entrepot.control.routing import service

app = typer.Typer(no_args_is_help=True, help="Routing: where calls go, and why.")

_COLUMNS = ("order", "channel", "group", "priority", "weight", "health", "share", "upstream_model", "why")


@app.command(epilog="Example: entrepot route explain --key first --model gpt-4o")
def explain(
    ctx: typer.Context,
    model: Annotated[str, typer.Option("--model", help="The model that would be called.")],
    key: Annotated[str | None, typer.Option("--key", help="A key's id, name or secret.")] = None,
    group: Annotated[str | None, typer.Option("--group", help="A group. Default: the key's own, else default.")] = None,
    session: Annotated[str, typer.Option("--session", help="What the client calls its session.")] = "",
    *,
    as_json: Json = False,
) -> None:
    """Show which channels a call would try, in what order and why; exit code 1 where there is none."""
    found = in_view(ctx, lambda tx: service.explain_call(tx, service.Asked(model, key, group, session)))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show_page(Page(data=found.routes), _COLUMNS, as_json=False)
        for other in found.passed_over:
            say(f"not tried: {other.channel}. {other.why}")
        say(f"affinity: {found.affinity}")
        say(f"{found.workers} workers told of their state" if found.workers else "no server runs here: health is not known")
        if found.refusal is not None:
            say(f"refused: {found.refusal}")
    if found.refusal is not None:
        raise typer.Exit(1)
