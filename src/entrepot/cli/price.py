"""`entrepot price …`: what a model costs."""

from typing import Annotated

import typer

from entrepot.billing.catalogue import start_catalogue
from entrepot.cli.options import given, pairs, split
from entrepot.cli.output import After, Json, Limit, say, show, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.fields import View
from entrepot.control.pages import Page
from entrepot.control.prices import catalogue, service
from entrepot.control.prices.schemas import CatalogueLoad, CatalogueView, EffectiveView, PriceSet, PriceView
from entrepot.control.problems import read
from entrepot.control.services import Transaction

app = typer.Typer(no_args_is_help=True, help="Prices: what a model costs.")

_COLUMNS = ("model", "kind", "price", "unit", "conditions", "valid_from", "current")


class EffectiveLine(View):
    """A row of the table that `price show` prints."""

    kind: str
    price: str
    unit: str
    conditions: dict[str, int | str]


@app.command("set", epilog="Example: entrepot price set gpt-4o-mini input=0.15 output=0.60 --from 2027-01-01")
def set_prices(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name or a wildcard; made where there is none yet.")],
    price: Annotated[
        list[str],
        typer.Argument(metavar="KIND=USD…", help="USD per 1 M tokens, or per call, image, second, character or search."),
    ],
    start: Annotated[str | None, typer.Option("--from", metavar="WHEN", help="When they begin to hold. Default: now.")] = None,
    *,
    prompt_over: Annotated[
        int | None, typer.Option("--prompt-over", metavar="TOKENS", help="Only for prompts of more tokens than this.")
    ] = None,
    size: Annotated[str | None, typer.Option("--size", help="Only for pictures and films of this size.")] = None,
    quality: Annotated[str | None, typer.Option("--quality", help="Only for pictures and films of this quality.")] = None,
    as_json: Json = False,
) -> None:
    """Set prices from a moment on; kinds that are left out stay. Prints the model's history.

    Kinds: input, output, cache_read, cache_write_5m, cache_write_1h, audio_input, audio_output,
    image_input, image_output, reasoning, call, image, second, character, search.
    """
    fields = given(model=model, price=pairs(price, "KIND=USD"), valid_from=start)
    fields["conditions"] = given(prompt_over=prompt_over, size=size, quality=quality)

    async def work(tx: Transaction) -> Page[PriceView]:
        return Page(data=await service.set_prices(tx, read(PriceSet, fields)))

    show_page(in_transaction(ctx, work), _COLUMNS, as_json=as_json)


@app.command("list", epilog="Example: entrepot price list gpt-4o-mini")
def list_prices(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="One model's history. Default: all models.")] = None,
    limit: Limit = 100,
    after: After = None,
    *,
    as_json: Json = False,
) -> None:
    """List prices, past and future ones included."""

    async def work(tx: Transaction) -> Page[PriceView]:
        if model is not None:
            return Page(data=await service.history(tx, model))
        return await service.list_page(tx, limit, after)

    show_page(in_view(ctx, work), _COLUMNS, as_json=as_json)


@app.command("show", epilog="Example: entrepot price show gpt-4o-mini")
def show_effective(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="As clients name it.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what a call for a model costs now, whatever name or wildcard says so, before the group's ratio."""
    found = in_view(ctx, lambda tx: service.effective(tx, model))
    if as_json:
        show(found, as_json=True)
        return
    say(f"{found.model}: prices of {found.pattern}, price book {found.book}")
    show_page(Page(data=_lines(found)), ("kind", "price", "unit", "conditions"), as_json=False)


@app.command("load", epilog="Example: entrepot price load --models 'gpt-*'")
def load_catalogue(
    ctx: typer.Context,
    models: Annotated[list[str] | None, typer.Option("--models", help="Names and wildcards to load. Default: all.")] = None,
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Load them for models too that have other prices already.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load vendors' list prices that come with this version. Your own are kept; loading twice changes nothing."""
    spec = read(CatalogueLoad, given(models=split(models), overwrite=overwrite))

    async def work(tx: Transaction) -> CatalogueView:
        return await catalogue.load(tx, start_catalogue(), spec)

    found = in_transaction(ctx, work)
    if as_json:
        show(found, as_json=True)
        return
    say(f"{len(found.loaded)} loaded, {len(found.kept)} kept, {found.unchanged} unchanged")


def _lines(found: EffectiveView) -> list[EffectiveLine]:
    tokens = [
        EffectiveLine(kind=kind, price=usd, unit="1M tokens", conditions=tier.conditions)
        for tier in found.tiers
        for kind, usd in tier.prices.items()
    ]
    units = [
        EffectiveLine(kind=kind, price=usd, unit=kind, conditions=rate.conditions)
        for rate in found.units
        for kind, usd in rate.prices.items()
    ]
    return tokens + units
