"""Price books for tests, written as operators write them: decimal USD."""

from entrepot.billing.prices import PriceBook, Quote
from entrepot.core.money import parse_usd
from entrepot.snapshot.prices import ALWAYS, Conditions, PriceRow, price_table


def row(kind: str, usd: str, valid_from: int = 0, **when: int | str) -> PriceRow:
    """One price."""
    return PriceRow(kind, parse_usd(usd), Conditions(**when) if when else ALWAYS, valid_from)


def book(**models: list[PriceRow]) -> PriceBook:
    """A book of these models."""
    return PriceBook(price_table(models))


def quote(*rows: PriceRow) -> Quote:
    """The quote that these rows give."""
    found = book(m=list(rows)).quote("m", 0)
    assert found is not None
    return found
