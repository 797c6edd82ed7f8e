"""What a call hands to its journal: prices as they held."""

import json

from entrepot.billing.charge import charge
from entrepot.billing.prices import PriceBook, free
from entrepot.billing.rows import facts_of
from entrepot.core.usage import NOTHING, Usage
from entrepot.snapshot.prices import Conditions, PriceRow, price_table
from tests.buckets.test_rows import RECORD, record

BOOK = PriceBook(price_table({"*": [PriceRow("input", 1_000), PriceRow("output", 4_000), PriceRow("call", 7)]}))


OTHERS = Usage(input=1, others=(("big", Usage(input=3, output=4)),))


def test_prices_are_those_of_the_bill() -> None:
    quote = BOOK.quote("m", 10)
    assert quote is not None
    for usage in (RECORD.usage, Usage(input=1), Usage(output=1, searches=3), RECORD.usage, OTHERS):
        facts = facts_of(record(usage=usage), quote, 500_000)
        assert (facts.id, facts.ratio_ppm, facts.price_book) == (RECORD.id, 500_000, BOOK.version)
        assert json.loads(facts.prices) == charge(usage, quote, 500_000).prices()


def test_a_call_that_used_nothing_has_no_prices() -> None:
    quote = BOOK.quote("m", 10)
    assert quote is not None
    assert facts_of(record(usage=NOTHING), quote).prices == "{}"
    assert facts_of(record(usage=NOTHING), free()).prices == "{}"


def test_a_tier_has_its_own_prices() -> None:
    rows = [PriceRow("input", 1_000), PriceRow("input", 2_000, Conditions(prompt_over=5))]
    quote = PriceBook(price_table({"*": rows})).quote("m", 10)
    assert quote is not None
    assert [facts_of(record(usage=Usage(input=n)), quote).prices for n in (5, 6)] == ['{"input":1000}', '{"input":2000}']
