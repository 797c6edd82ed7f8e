"""A finished call as the facts that its journal record carries: prices as they held, by reference where that will do."""

from entrepot.billing.charge import unit_prices
from entrepot.billing.prices import Quote
from entrepot.buckets.rows import Facts
from entrepot.core.money import PPM
from entrepot.core.record import Record


def facts_of(record: Record, quote: Quote, ratio_ppm: int = PPM) -> Facts:
    """What a usage row is made of. Runs on every call's way out: no text is made here."""
    usage = record.usage
    units = unit_prices(usage, quote) if quote.units and usage.kinds() else {}
    return Facts(record, quote.tier(usage.prompt_total).prices, units, ratio_ppm, quote.book)
