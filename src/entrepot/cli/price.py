"""`entrepot price …`: what a model costs."""

from typing import Annotated

import typer

from entrepot.cli.options import given, pairs
from entrepot.cli.output import After, Json, Limit, show_page
from entrepot.cli.session import in_transaction, in_view
from entrepot.control.pages import Page
from entrepot.control.prices import service
from entrepot.control.prices.schemas import PriceSet, PriceView
from entrepot.control.problems import read
from entrepot.control.services import Transaction

app = typer.Typer(no_args_is_help=True, help="Prices: what a model costs.")

_COLUMNS = ("model", "kind", "price", "unit", "valid_from", "current")


@app.command("set", epilog="Example: entrepot price set gpt-4o-mini input=0.15 output=0.60 --from 2027-01-01")
def set_prices(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name or a wildcard; made where there is none yet.")],
    price: Annotated[
        list[str],
        typer.Argument(metavar="KIND=USD…", help="USD per 1 M tokens, or per call, image, second or character."),
    ],
    start: Annotated[str | None, typer.Option("--from", metavar="WHEN", help="When they begin to hold. Default: now.")] = None,
    *,
    as_json: Json = False,
) -> None:
    """Set prices from a moment on; kinds that are left out stay. Prints the model's history.

    Kinds: input, output, cache_read, cache_write_5m, cache_write_1h, audio_input, audio_output,
    image_input, image_output, reasoning, call, image, second, character.
    """
    fields = given(model=model, price=pairs(price, "KIND=USD"), valid_from=start)

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
