"""`entrepot usage …`: the calls that were made."""

from typing import Annotated, Any

import typer

from entrepot.cli.options import given
from entrepot.cli.output import After, Json, Limit, show, show_page
from entrepot.cli.session import in_view
from entrepot.control.keys import service as keys
from entrepot.control.pages import Page
from entrepot.control.problems import read
from entrepot.control.services import Transaction
from entrepot.control.usage import service, sums
from entrepot.control.usage.schemas import CallView, SumView, UsageFilter

app = typer.Typer(no_args_is_help=True, help="Usage: the calls that were made.")

_CALLS = ("arrived_at", "id", "status", "model", "key", "channel", "prompt_tokens", "output_tokens", "charge", "total_ms")
_SUMS = ("by", "calls", "failed", "prompt_tokens", "output_tokens", "charge", "shortfall", "mean_total_ms")

Key = Annotated[str | None, typer.Option("--key", help="A key's id, name or secret.")]
User = Annotated[str | None, typer.Option("--user", help="A user's name.")]
Model = Annotated[str | None, typer.Option("--model", help="A model's name.")]
Channel = Annotated[str | None, typer.Option("--channel", help="A channel's name.")]
Status = Annotated[int | None, typer.Option("--status", help="The HTTP status that the client got.")]
Outcome = Annotated[str | None, typer.Option("--outcome", help="ok, refused, interrupted or client_left.")]
Since = Annotated[str | None, typer.Option("--since", metavar="WHEN", help="A time, or a span back from now such as 24h.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Likewise, the end.")]


@app.command("list", epilog="Example: entrepot usage list --since 24h --status 502")
def list_calls(
    ctx: typer.Context,
    key: Key = None,
    user: User = None,
    model: Model = None,
    channel: Channel = None,
    *,
    status: Status = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """List calls, the newest first."""
    fields = given(user=user, model=model, channel=channel, status=status, outcome=outcome, since=since, until=until)

    async def work(tx: Transaction) -> Page[CallView]:
        return await service.list_page(tx, await _filter(tx, key, fields), limit, after)

    show_page(in_view(ctx, work), _CALLS, as_json=as_json)


@app.command("show", epilog="Example: entrepot usage show req_20270131…")
def show_call(
    ctx: typer.Context, request_id: Annotated[str, typer.Argument(metavar="REQUEST_ID")], *, as_json: Json = False
) -> None:
    """Show one call by its request id (`x-request-id` of the answer)."""
    show(in_view(ctx, lambda tx: service.get(tx, request_id)), as_json=as_json)


@app.command(epilog="Example: entrepot usage summary --by model --since 7d")
def summary(
    ctx: typer.Context,
    by: Annotated[str, typer.Option("--by", help="day, model, key, user or channel.")] = "day",
    key: Key = None,
    user: User = None,
    model: Model = None,
    *,
    channel: Channel = None,
    status: Status = None,
    outcome: Outcome = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    after: After = None,
    as_json: Json = False,
) -> None:
    """Sum calls up, by whole hours. With --status or --outcome, --since is needed: they are counted one by one."""
    if by not in ("day", "model", "key", "user", "channel"):
        raise typer.BadParameter("is day, model, key, user or channel", param_hint="--by")
    fields = given(user=user, model=model, channel=channel, status=status, outcome=outcome, since=since, until=until)

    async def work(tx: Transaction) -> Page[SumView]:
        return await sums.summary(tx, await _filter(tx, key, fields), by, limit, after)

    show_page(in_view(ctx, work), _SUMS, as_json=as_json)


async def _filter(tx: Transaction, key: str | None, fields: dict[str, Any]) -> UsageFilter:
    if key is not None:
        fields = {**fields, "key": await keys.resolve(tx, key)}
    return read(UsageFilter, fields)
