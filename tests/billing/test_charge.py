"""Charge arithmetic: properties over random usage, prices and ratios."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.billing.charge import EXACT, MAX_CHARGE, ONE_CALL, Units, charge, cost, exact, rounded
from entrepot.billing.prices import Quote, _quote, free
from entrepot.core.usage import TOKEN_KINDS, Basis, Usage
from entrepot.snapshot.prices import TOKENS, UNITS, Conditions, PriceRow
from tests.billing.books import quote, row

COUNTS = st.integers(0, 2_000_000)
PRICES = st.integers(0, 200 * 10**9)
RATIOS = st.integers(0, 5_000_000)
usages = st.builds(Usage, **dict.fromkeys(TOKEN_KINDS, COUNTS))
units = st.builds(Units, calls=st.integers(0, 3), images=COUNTS, seconds=COUNTS, characters=COUNTS)


@st.composite
def quotes(draw: st.DrawFn, *, tiers: bool = True) -> Quote:
    """Prices for some kinds; dearer where the prompt is longer."""
    rows: list[PriceRow] = []
    for kind in draw(st.lists(st.sampled_from(TOKENS + UNITS), unique=True)):
        nano = draw(PRICES)
        rows.append(PriceRow(kind, nano))
        if tiers and kind in TOKENS:
            # The same lengths for all kinds and never cheaper: else a longer prompt may rightly cost less.
            rows += [PriceRow(kind, nano * 2, Conditions(prompt_over=over)) for over in (1000, 1_000_000)]
    return _quote("m", "v", rows)


def by_fractions(usage: Usage, prices: Quote, ratio: int, of: Units) -> Fraction:
    """nano-USD, exactly; the sum written down another way."""
    tier = prices.tier(usage.prompt_total)
    total = sum((Fraction(getattr(usage, kind) * tier.prices[kind], 10**6) for kind in TOKENS), Fraction(0))
    counted = {"call": of.calls, "image": of.images, "second": of.seconds, "character": of.characters, "search": usage.searches}
    total += sum(count * prices.unit(kind, usage.prompt_total) for kind, count in counted.items())
    return total * Fraction(ratio, 10**6)


@given(usages, quotes(), RATIOS, units)
def test_rounded_once_half_up(usage: Usage, prices: Quote, ratio: int, of: Units) -> None:
    whole = by_fractions(usage, prices, ratio, of)
    due = min(int(whole + Fraction(1, 2)), MAX_CHARGE)
    assert cost(usage, prices, ratio, of) == due
    assert exact(usage, prices, ratio, of) == whole * EXACT


@given(usages, quotes(), RATIOS, units)
def test_the_bill_adds_up(usage: Usage, prices: Quote, ratio: int, of: Units) -> None:
    bill = charge(usage, prices, ratio, of)
    assert bill.total == cost(usage, prices, ratio, of) == sum(line.amount for line in bill.lines)
    assert bill.total >= 0
    assert all(line.amount >= 0 and line.count > 0 for line in bill.lines)
    assert bill.prices().keys() == bill.counts().keys()
    assert {kind: count for kind, count in bill.counts().items() if kind in TOKENS} == {
        kind: count for kind, count in usage.kinds().items() if kind in TOKENS
    }


@given(usages, quotes(), RATIOS, st.sampled_from(TOKEN_KINDS), COUNTS)
def test_more_of_a_kind_never_costs_less(usage: Usage, prices: Quote, ratio: int, kind: str, more: int) -> None:
    fields = {name: getattr(usage, name) for name in TOKEN_KINDS}
    larger = Usage(**{**fields, kind: fields[kind] + more})
    assert cost(larger, prices, ratio) >= cost(usage, prices, ratio)


@given(usages, usages, quotes(tiers=False), RATIOS)
def test_additive_before_rounding(one: Usage, other: Usage, prices: Quote, ratio: int) -> None:
    """A stream that is billed in pieces costs what it costs as a whole, to the last 1e-12 nano-USD."""
    both = Usage(**{kind: getattr(one, kind) + getattr(other, kind) for kind in TOKEN_KINDS})
    none = Units(calls=0)
    parts = exact(one, prices, ratio, none) + exact(other, prices, ratio, none)
    assert exact(both, prices, ratio, none) == parts
    assert cost(both, prices, ratio, none) == rounded(parts)


@given(usages, quotes(), RATIOS)
def test_who_counted_does_not_matter(usage: Usage, prices: Quote, ratio: int) -> None:
    fields = {name: getattr(usage, name) for name in TOKEN_KINDS}
    assert charge(Usage(**fields, basis=Basis.COUNTED), prices, ratio) == charge(usage, prices, ratio)


@given(usages, RATIOS, units)
def test_free_is_free(usage: Usage, ratio: int, of: Units) -> None:
    assert cost(usage, free(), ratio, of) == 0


def test_a_vendor_that_counts_nonsense_breaks_no_sum() -> None:
    prices = quote(row("input", "9000000000"), row("image", "9000000000"))
    nonsense = Usage(**dict.fromkeys(TOKEN_KINDS, 2**53))
    bill = charge(nonsense, prices, 1_000_000_000, Units(images=2**53))
    assert bill.total == cost(nonsense, prices, 1_000_000_000, Units(images=2**53)) == MAX_CHARGE
    assert sum(line.amount for line in bill.lines) == MAX_CHARGE < 2**63


def test_a_count_below_zero_takes_nothing_off() -> None:
    assert cost(Usage(input=-5, output=5), quote(row("input", "1")), 1_000_000) == 5000


@pytest.mark.parametrize(("amount", "nano"), [(0, 0), (EXACT // 2 - 1, 0), (EXACT // 2, 1), (EXACT, 1), (3 * EXACT // 2, 2)])
def test_half_up(amount: int, nano: int) -> None:
    assert rounded(amount) == nano


def test_other_models_have_their_own_prices() -> None:
    """The tier of each model is that of its own prompt; a model without prices costs what the asked one does."""
    big = quote(row("input", "10"), row("output", "50"), row("input", "20", prompt_over=50))
    small = quote(row("input", "1"), row("output", "5"), row("search", "0.01"), row("input", "2", prompt_over=50))
    prices = msgspec.structs.replace(small, others={"big": big})
    usage = Usage(input=40, output=2, searches=1, others=(("big", Usage(input=60, output=3)), ("strange", Usage(input=7))))
    nano = 40 * 1000 + 2 * 5000 + 10**7 + 60 * 20_000 + 3 * 50_000 + 7 * 1000
    bill = charge(usage, prices, 1_000_000)
    assert cost(usage, prices, 1_000_000) == bill.total == sum(line.amount for line in bill.lines) == nano
    assert (bill.prices()["big/input"], bill.counts()["strange/input"], bill.prompt_over) == (20 * 10**9, 7, 0)


def test_what_a_usage_row_keeps() -> None:
    prices = quote(row("input", "2"), row("output", "8"), row("call", "0.001"), row("output", "9", prompt_over=5))
    bill = charge(Usage(input=10, reasoning=3, searches=2), prices, 1_500_000, ONE_CALL)
    assert bill.prices() == {"input": 2 * 10**9, "reasoning": 9 * 10**9, "call": 10**6}
    assert bill.counts() == {"input": 10, "reasoning": 3, "call": 1}
    assert (bill.prompt_over, bill.ratio_ppm, bill.book) == (5, 1_500_000, prices.book)
