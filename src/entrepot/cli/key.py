"""`entrepot key …`: what clients send."""

from typing import Annotated, Any, Unpack

import typer

from entrepot.cli.options import Lift, SpenderOptions, budgets, given, lifted, spelled_out, split
from entrepot.cli.output import After, Json, Limit, say, show, show_page, show_secret
from entrepot.cli.session import in_transaction, in_view, typed_secret
from entrepot.control.channels.secrets import resolve as resolve_secrets
from entrepot.control.keys import service
from entrepot.control.keys.schemas import KeyCreate, KeyMinted, KeyUpdate, KeyView
from entrepot.control.problems import read
from entrepot.control.rates import NAMES as RATES
from entrepot.control.services import Transaction

app = typer.Typer(no_args_is_help=True, help="Keys: what clients send.")

_COLUMNS = ("id", "name", "user", "hint", "groups", "models", "quota", "used", *RATES, "expires_at", "status")
_LISTS = {"group": "groups", "models": "models", "ip": "ips"}
"""Options that may be repeated, and their fields."""
_EMPTY: dict[str, Any] = {
    **dict.fromkeys(("quota", "budget", *RATES, "expires")),
    **{field: list[str]() for field in _LISTS.values()},
}

Key = Annotated[str, typer.Argument(metavar="KEY", help="The key's id, its name or its secret.")]


class Options(SpenderOptions, total=False):
    """What can be said of a key."""

    name: Annotated[str, typer.Option("--name", help="For people. A new key's default: the secret's first and last letters.")]
    group: Annotated[
        list[str], typer.Option("--group", help="Group to use; repeat for several, tried in order. Default: the user's.")
    ]
    models: Annotated[list[str], typer.Option("--models", help="Names and wildcards that it may use. Default: all.")]
    ip: Annotated[list[str], typer.Option("--ip", help="Address or CIDR network that may use it. Default: all.")]
    quota: Annotated[str, typer.Option("--quota", metavar="USD", help="What it may spend in all. Default: no limit.")]
    expires: Annotated[
        str,
        typer.Option(
            "--expires", metavar="WHEN", help="2027-01-31T00:00:00Z, a span such as 30d from the key's creation, or never."
        ),
    ]


@app.command(epilog="Example: entrepot key create --group vip --quota 5 --models 'gpt-4o*' --rpm 60 --budget 1/day")
@spelled_out
def create(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="Whose key. Default: the installation's own account.")] = None,
    secret: Annotated[
        str | None, typer.Option("--secret", help="Take over this secret: text, env:NAME, or - for standard input.")
    ] = None,
    *,
    as_json: Json = False,
    **said: Unpack[Options],
) -> None:
    """Create a key; the secret is shown this once."""

    async def work(tx: Transaction) -> KeyMinted:
        taken = None if secret is None else resolve_secrets([typed_secret(secret)])[0]
        return await service.create(tx, read(KeyCreate, {**given(user=user, secret=taken), **_fields(said)}))

    show_secret(in_transaction(ctx, work), as_json=as_json)


@app.command("list", epilog="Example: entrepot key list --user alice --json")
def list_keys(
    ctx: typer.Context,
    user: Annotated[str | None, typer.Option("--user", help="Only this user's.")] = None,
    limit: Limit = 100,
    after: After = None,
    *,
    as_json: Json = False,
) -> None:
    """List keys in the order of their creation."""
    page = in_view(ctx, lambda tx: service.list_page(tx, limit, after, user))
    show_page(page, _COLUMNS, as_json=as_json)


@app.command("show", epilog="Example: entrepot key show first")
def show_key(ctx: typer.Context, key: Key, *, as_json: Json = False) -> None:
    """Show one key, without its secret."""

    async def work(tx: Transaction) -> KeyView:
        return await service.get(tx, await service.resolve(tx, key))

    show(in_view(ctx, work), as_json=as_json)


@app.command(epilog="Example: entrepot key update 3 --rpm 120 --lift quota")
@spelled_out
def update(ctx: typer.Context, key: Key, *, lift: Lift = None, as_json: Json = False, **said: Unpack[Options]) -> None:
    """Change a key; what is left out stays. Also groups, models, ips and expires can be lifted."""
    show(_updated(ctx, key, {**_fields(said), **lifted(lift, _EMPTY)}), as_json=as_json)


@app.command(epilog="Example: entrepot key disable 3")
def disable(ctx: typer.Context, key: Key, *, as_json: Json = False) -> None:
    """Refuse a key's calls, within two seconds, until it is enabled again."""
    show(_updated(ctx, key, {"status": "disabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot key enable 3")
def enable(ctx: typer.Context, key: Key, *, as_json: Json = False) -> None:
    """Take a disabled key's calls again."""
    show(_updated(ctx, key, {"status": "enabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot key rotate first")
def rotate(ctx: typer.Context, key: Key, *, as_json: Json = False) -> None:
    """Give a key a new secret, shown this once; the old one is dead within two seconds."""

    async def work(tx: Transaction) -> KeyMinted:
        return await service.rotate(tx, await service.resolve(tx, key))

    show_secret(in_transaction(ctx, work), as_json=as_json)


@app.command(epilog="Example: entrepot key delete 3")
def delete(ctx: typer.Context, key: Key) -> None:
    """Delete a key; its usage stays."""

    async def work(tx: Transaction) -> None:
        await service.remove(tx, await service.resolve(tx, key))

    in_transaction(ctx, work)
    say("deleted")


def _fields(said: Options) -> dict[str, Any]:
    fields: dict[str, Any] = {**said, **budgets(said.get("budget"))}
    return {_LISTS.get(name, name): split(value) if name in _LISTS else value for name, value in fields.items()}


def _updated(ctx: typer.Context, key: str, fields: dict[str, Any]) -> KeyView:
    async def work(tx: Transaction) -> KeyView:
        return await service.update(tx, await service.resolve(tx, key), read(KeyUpdate, fields))

    return in_transaction(ctx, work)
