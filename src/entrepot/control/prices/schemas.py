"""What can be said about a model's prices."""

from entrepot.control.fields import Moment, Name, Spec, Usd, View


class PriceTable(Spec):
    """USD by kind: per 1 M tokens, and per unit for `call`, `image`, `second` and `character`."""

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


class PriceSet(Spec):
    """New prices of one model; kinds that are left out stay."""

    model: Name
    """A model's name, or a wildcard. It is made where there is none yet."""
    price: PriceTable
    valid_from: Moment | None = None
    """When they begin to hold; now where left out."""


class PriceView(View):
    """One price of one kind, from one moment on."""

    id: int
    model: str
    kind: str
    price: str
    """USD, per `unit`."""
    unit: str
    """`1M tokens`, `call`, `image`, `second` or `character`."""
    valid_from: str
    current: bool
    """Does it hold now?"""
