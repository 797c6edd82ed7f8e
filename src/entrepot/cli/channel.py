"""`entrepot channel …`: accounts at vendors."""

from typing import Annotated, Any

import typer

from entrepot.cli.options import documents, given, numbers, pairs, split
from entrepot.cli.output import After, Json, Limit, say, show, show_page
from entrepot.cli.session import in_transaction, in_view, on_services, typed_secret
from entrepot.control.channels import service
from entrepot.control.channels.inquiry import create_asking, test_channel
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate, ChannelView
from entrepot.control.problems import read

app = typer.Typer(no_args_is_help=True, help="Channels: accounts at vendors.")

_COLUMNS = ("name", "provider", "base_url", "models", "groups", "priority", "weight", "status")
_SHOWN_MODELS = 6

Name = Annotated[str, typer.Argument(metavar="NAME")]
BaseUrl = Annotated[str | None, typer.Option("--base-url", help="As the vendor's SDK takes it. Default: the vendor's own.")]
Keys = Annotated[
    list[str] | None, typer.Option("--key", help="Vendor key: text, env:NAME, or - for standard input. Repeat for several.")
]
Models = Annotated[list[str] | None, typer.Option("--models", help="Names and wildcards. Default: what the vendor lists.")]
Maps = Annotated[list[str] | None, typer.Option("--map", metavar="PUBLIC=VENDOR", help="The vendor's name for a model.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Groups that it serves. Default: default.")]
Priority = Annotated[int | None, typer.Option("--priority", help="Higher ones are tried first. Default: 0.")]
Weight = Annotated[int | None, typer.Option("--weight", help="Share among the same priority. Default: 1.")]
Headers = Annotated[list[str] | None, typer.Option("--header", metavar="NAME:VALUE", help="Header to add to each call.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--override", metavar="FIELD=JSON", help="Field to set in each request body.")
]
Proxy = Annotated[str | None, typer.Option("--proxy", help="http://, https://, socks5:// or socks5h://.")]
MaxConnections = Annotated[int | None, typer.Option("--max-connections", help="Connections of one worker.")]
Bounds = Annotated[
    list[str] | None, typer.Option("--limit", metavar="NAME=NUMBER", help="concurrency, rpm or tpm that the vendor allows.")
]
Timeouts = Annotated[
    list[str] | None, typer.Option("--timeout", metavar="NAME=SECONDS", help="connect, first_byte, idle or total.")
]
Api = Annotated[str | None, typer.Option("--api", help="chat or responses, where the vendor has both.")]


@app.command(epilog="Example: entrepot channel add --provider deepseek --key sk-…")
def add(
    ctx: typer.Context,
    provider: Annotated[str, typer.Option("--provider", help="A vendor: `entrepot providers` lists them.")],
    key: Keys = None,
    name: Annotated[str | None, typer.Option("--name", help="Default: the provider's name.")] = None,
    base_url: BaseUrl = None,
    *,
    models: Models = None,
    model_map: Maps = None,
    group: Groups = None,
    priority: Priority = None,
    weight: Weight = None,
    header: Headers = None,
    override: Overrides = None,
    proxy: Proxy = None,
    max_connections: MaxConnections = None,
    limit: Bounds = None,
    timeout: Timeouts = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Add a channel. Without --models the vendor is asked for its list."""
    plain = given(provider=provider, name=name, base_url=base_url, proxy=proxy, api=api)
    fields = _fields(plain, key, models, group) | given(priority=priority, weight=weight)
    fields |= _maps(model_map, header, override) | _bounds(max_connections, limit, timeout)
    _show(on_services(ctx, lambda services: create_asking(services, read(ChannelCreate, fields))), as_json=as_json)


@app.command("list", epilog="Example: entrepot channel list --json")
def list_channels(ctx: typer.Context, limit: Limit = 100, after: After = None, *, as_json: Json = False) -> None:
    """List channels in the order of their creation."""
    page = in_view(ctx, lambda tx: service.list_page(tx, limit, after))
    if not as_json:
        page = page.model_copy(update={"data": [_short(view) for view in page.data]})
    show_page(page, _COLUMNS, as_json=as_json)


@app.command("show", epilog="Example: entrepot channel show deepseek")
def show_channel(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Show one channel, without its keys' secrets."""
    _show(in_view(ctx, lambda tx: service.get(tx, name)), as_json=as_json)


@app.command(epilog="Example: entrepot channel update deepseek --priority 10 --timeout first_byte=120")
def update(
    ctx: typer.Context,
    name: Name,
    key: Keys = None,
    base_url: BaseUrl = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Another vendor.")] = None,
    *,
    models: Models = None,
    model_map: Maps = None,
    group: Groups = None,
    priority: Priority = None,
    weight: Weight = None,
    header: Headers = None,
    override: Overrides = None,
    proxy: Proxy = None,
    max_connections: MaxConnections = None,
    limit: Bounds = None,
    timeout: Timeouts = None,
    api: Api = None,
    as_json: Json = False,
) -> None:
    """Change a channel; what is left out stays. --key replaces all keys (add-key adds one)."""
    plain = given(provider=provider, base_url=base_url, proxy=proxy, api=api)
    fields = _fields(plain, key, models, group) | given(priority=priority, weight=weight)
    fields |= _maps(model_map, header, override) | _bounds(max_connections, limit, timeout)
    _show(_updated(ctx, name, fields), as_json=as_json)


@app.command(epilog="Example: entrepot channel disable deepseek")
def disable(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Send nothing to a channel until it is enabled again."""
    _show(_updated(ctx, name, {"status": "disabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot channel drain deepseek")
def drain(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Send no new calls to a channel; those that run end. `/api/health/channels` says how many there are."""
    _show(_updated(ctx, name, {"status": "draining"}), as_json=as_json)


@app.command(epilog="Example: entrepot channel enable deepseek")
def enable(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Use a channel again that was disabled or drained."""
    _show(_updated(ctx, name, {"status": "enabled"}), as_json=as_json)


@app.command(epilog="Example: entrepot channel remove deepseek")
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a channel and forget its keys; the usage stays."""
    in_transaction(ctx, lambda tx: service.remove(tx, name))
    say("removed")


@app.command("add-key", epilog="Example: entrepot channel add-key deepseek --key env:DEEPSEEK_KEY")
def add_key(
    ctx: typer.Context,
    name: Name,
    key: Annotated[str, typer.Option("--key", help="Vendor key: text, env:NAME, or - for standard input.")],
    *,
    as_json: Json = False,
) -> None:
    """Add a vendor key to a channel; calls use all keys by turns."""
    _show(in_transaction(ctx, lambda tx: service.add_key(tx, name, typed_secret(key))), as_json=as_json)


@app.command("remove-key", epilog="Example: entrepot channel remove-key deepseek 4")
def remove_key(
    ctx: typer.Context,
    name: Name,
    key_id: Annotated[int, typer.Argument(metavar="KEY_ID", min=1, max=2**53, help="As `channel show` says.")],
    *,
    as_json: Json = False,
) -> None:
    """Take a vendor key away from a channel."""
    _show(in_transaction(ctx, lambda tx: service.remove_key(tx, name, key_id)), as_json=as_json)


@app.command(epilog="Example: entrepot channel reset deepseek")
def reset(ctx: typer.Context, name: Name, *, as_json: Json = False) -> None:
    """Try a channel and all of its keys again at once, whatever was found out about them."""
    _show(in_transaction(ctx, lambda tx: service.reset(tx, name)), as_json=as_json)


@app.command("test", epilog="Example: entrepot channel test deepseek")
def run_test(
    ctx: typer.Context,
    name: Name,
    *,
    call: Annotated[bool, typer.Option("--call", help="Call its cheapest model for one token; costs that.")] = False,
    as_json: Json = False,
) -> None:
    """Ask the vendor for its models with each key; exit code 1 where one does not work.

    With --call, what workers have against the channel is forgotten where each key works.
    """
    verdict = on_services(ctx, lambda services: test_channel(services, name, call=call))
    show(verdict, as_json=as_json)
    if not verdict.ok:
        raise typer.Exit(1)


def _updated(ctx: typer.Context, name: str, fields: dict[str, Any]) -> ChannelView:
    return in_transaction(ctx, lambda tx: service.update(tx, name, read(ChannelUpdate, fields)))


def _fields(plain: dict[str, Any], key: list[str] | None, models: list[str] | None, group: list[str] | None) -> dict[str, Any]:
    keys = [typed_secret(value) for value in key] if key else None
    return plain | given(keys=keys, models=split(models), groups=split(group))


def _maps(model_map: list[str] | None, header: list[str] | None, override: list[str] | None) -> dict[str, Any]:
    return given(
        model_map=pairs(model_map, "--map"),
        headers=pairs(header, "--header", ":"),
        overrides=documents(override, "--override"),
    )


def _bounds(max_connections: int | None, limit: list[str] | None, timeout: list[str] | None) -> dict[str, Any]:
    limits = given(max_connections=max_connections) | {
        name: int(number) if number.is_integer() else number for name, number in (numbers(limit, "--limit") or {}).items()
    }
    return given(limits=limits or None, timeouts=numbers(timeout, "--timeout"))


def _show(view: ChannelView, *, as_json: bool) -> None:
    show(view, as_json=as_json)


def _short(view: ChannelView) -> ChannelView:
    """A vendor may list hundreds of models: a table shows the first few."""
    more = len(view.models) - _SHOWN_MODELS
    models = [*view.models[:_SHOWN_MODELS], f"and {more} more"] if more > 0 else view.models
    return view.model_copy(update={"models": models})
