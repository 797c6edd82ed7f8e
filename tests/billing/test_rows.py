"""What a call hands to its journal: prices as they held."""

from entrepot.billing.charge import charge
from entrepot.billing.prices import PriceBook
from entrepot.billing.rows import facts_of
from entrepot.core.usage import NOTHING, Usage
from entrepot.snapshot.prices import PriceRow, price_table
from tests.buckets.test_rows import RECORD, record

BOOK = PriceBook(price_table({"*": [PriceRow("input", 1_000), PriceRow("output", 4_000), PriceRow("call", 7)]}))


def test_prices_are_those_of_the_bill() -> None:
    quote = BOOK.quote("m", 10)
    assert quote is not None
    facts = facts_of(RECORD, quote, 500_000)
    assert (facts.id, facts.ratio_ppm, facts.price_book) == (RECORD.id, 500_000, BOOK.version)
    bill = charge(RECORD.usage, quote, 500_000)
    assert {line.kind: line.nano for line in bill.lines}.items() <= (dict(facts.prices) | dict(facts.units)).items()
    assert facts.units == {"call": 7}


def test_a_call_that_used_nothing_has_no_units() -> None:
    quote = BOOK.quote("m", 10)
    assert quote is not None
    assert facts_of(record(usage=NOTHING), quote).units == {}
    assert facts_of(record(usage=Usage(searches=2)), quote).units == {"call": 7}
