"""A finished call as the facts that its journal record carries: with the prices that held."""

from msgspec.structs import astuple

from entrepot.billing.charge import further_prices, own
from entrepot.billing.prices import Quote
from entrepot.buckets.rows import Facts
from entrepot.core.money import PPM
from entrepot.core.record import Record
from entrepot.core.usage import Usage
from entrepot.kit import json
from entrepot.snapshot.prices import TOKENS


def facts_of(record: Record, quote: Quote, ratio_ppm: int = PPM) -> Facts:
    """What a usage row is made of. Runs on every call's way out."""
    return Facts(record, _prices(record.usage, quote), ratio_ppm, quote.book)


def _prices(usage: Usage, quote: Quote) -> str:
    """The prices of what was used, as the usage row has them: a text that is made once for each set of kinds."""
    tier = quote.tier(own(usage).prompt_total)
    used = tuple(map(bool, astuple(usage)[: len(TOKENS)]))
    text = tier.texts.get(used)
    if text is None:
        named = {kind: tier.prices[kind] for kind, some in zip(TOKENS, used, strict=True) if some}
        text = tier.texts[used] = json.encode(named).decode()
    if usage.others or (quote.units and usage.kinds()):
        text = json.encode(json.decode(text) | further_prices(usage, quote)).decode()
    return text
