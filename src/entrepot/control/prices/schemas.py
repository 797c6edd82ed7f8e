"""What can be said about a model's prices."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from entrepot.control.fields import Limit, Moment, Name, Names, Spec, Usd, View
from entrepot.snapshot.prices import TOKENS


class PriceTable(Spec):
    """USD by kind: per 1 M tokens, and per unit for `call`, `image`, `second`, `character` and `search`."""

    input: Usd | None = None
    output: Usd | None = None
    cache_read: Usd | None = None
    cache_write_5m: Usd | None = None
    cache_write_1h: Usd | None = None
    audio_input: Usd | None = None
    audio_output: Usd | None = None
    image_input: Usd | None = None
    image_output: Usd | None = None
    reasoning: Usd | None = None
    call: Usd | None = None
    image: Usd | None = None
    second: Usd | None = None
    character: Usd | None = None
    search: Usd | None = None


class Conditions(Spec):
    """When prices hold: all that are named must be met; none means always."""

    prompt_over: Limit | None = None
    """The whole prompt has more tokens than this: then the price is that of all its tokens."""
    size: Annotated[Name, Field(max_length=32)] | None = None
    """Of a picture or film, as the client names it: `1024x1024`, `720p`. For units only."""
    quality: Annotated[Name, Field(max_length=32)] | None = None
    """As the client names it: `high`. For units only."""


class Tier(Conditions):
    """Prices that hold under conditions."""

    price: PriceTable

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _check(self.price, self)
        return self


class PriceSet(Spec):
    """New prices of one model; kinds that are left out stay."""

    model: Name
    """A model's name, or a wildcard. It is made where there is none yet."""
    price: PriceTable
    conditions: Conditions = Conditions()
    """When they hold: `{"prompt_over": 200000}`."""
    valid_from: Moment | None = None
    """When they begin to hold; now where left out."""

    @model_validator(mode="after")
    def _fit(self) -> Self:
        _check(self.price, self.conditions)
        return self


class PriceView(View):
    """One price of one kind, from one moment on."""

    id: int
    model: str
    kind: str
    price: str
    """USD, per `unit`."""
    unit: str
    """`1M tokens`, `call`, `image`, `second`, `character` or `search`."""
    conditions: dict[str, int | str]
    """When it holds; empty means always."""
    valid_from: str
    current: bool
    """Does it hold now?"""


class TierView(View):
    """The prices that hold under the same conditions."""

    conditions: dict[str, int | str]
    prices: dict[str, str]
    """USD by kind."""


class EffectiveView(View):
    """What a call for a model costs now, before the group's ratio."""

    model: str
    pattern: str
    """The name or wildcard whose prices these are."""
    book: str
    """Version of the price book, as receipts name it."""
    tiers: list[TierView]
    """USD per 1 M tokens of every kind; the longest prompts first."""
    units: list[TierView]
    """USD per call, image, second, character or search."""


class CatalogueLoad(Spec):
    """Which of the catalogue's prices to take."""

    models: Names = []
    """Names and wildcards; empty means all."""
    overwrite: bool = False
    """Take them for models too that have prices already."""


class CatalogueView(View):
    """What became of the catalogue's prices."""

    loaded: list[str]
    """Models whose prices were set."""
    kept: list[str]
    """Models that have other prices already, by their own name or by a wildcard of yours."""
    unchanged: int
    """Models that have the catalogue's prices."""


def _check(price: PriceTable, conditions: Conditions) -> None:
    named = price.model_dump(exclude_none=True)
    tokens = next((kind for kind in named if kind in TOKENS), None)
    if tokens is not None and (conditions.size or conditions.quality):
        raise ValueError(f"{tokens} is a price of tokens, which have no size and no quality")
