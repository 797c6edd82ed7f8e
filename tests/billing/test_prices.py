"""The price book: which rows hold for a model at a moment, and what a kind costs that has no price of its own."""

import pytest

from entrepot.billing.prices import PriceBook, free
from entrepot.snapshot.prices import TOKENS, PriceRow, price_table
from tests.billing.books import book, quote, row

DAY = 86_400_000_000


def prices(name: str, *rows: PriceRow) -> dict[str, list[PriceRow]]:
    return {name: list(rows)}


def input_price(found: PriceBook, model: str, at: int = 0) -> int | None:
    priced = found.quote(model, at)
    return None if priced is None else priced.tier(0).prices["input"]


def test_the_most_specific_name_gives_all_prices() -> None:
    table = price_table(
        {
            "*": [row("input", "9"), row("call", "1")],
            "gpt-4*": [row("input", "4")],
            "gpt-4o*": [row("input", "3")],
            "*-mini": [row("input", "2")],
            "gpt-4o-mini": [row("input", "1")],
        }
    )
    found = PriceBook(table)
    expected = {"gpt-4o-mini": 1, "gpt-4o-2024": 3, "gpt-4.1": 4, "o4-mini": 2, "claude": 9}
    assert {model: input_price(found, model) for model in expected} == {m: usd * 10**9 for m, usd in expected.items()}
    exact = found.quote("gpt-4o-mini", 0)
    assert exact is not None
    assert (exact.pattern, exact.unit("call")) == ("gpt-4o-mini", 0)  # nothing of `*` is added


def test_a_model_without_a_price() -> None:
    found = book(m=[row("input", "1")])
    assert found.quote("other", 0) is None
    gift = free(found.version)
    assert (gift.pattern, gift.tier(10**9).nano, gift.unit("image")) == ("", (0,) * len(TOKENS), 0)


def test_free_on_purpose_is_a_price() -> None:
    found = PriceBook(price_table({"sandbox/*": [row("input", "0")]})).quote("sandbox/echo", 0)
    assert found is not None
    assert found.tier(0).nano == (0,) * len(TOKENS)


def test_prices_begin_to_hold_at_their_time() -> None:
    found = book(m=[row("input", "1", DAY), row("output", "4", DAY), row("input", "2", 2 * DAY), row("input", "3", 2 * DAY)])
    assert input_price(found, "m", DAY - 1) is None
    assert input_price(found, "m", DAY) == 10**9
    assert input_price(found, "m", 2 * DAY - 1) == 10**9
    assert input_price(found, "m", 2 * DAY) == 3 * 10**9  # of two at once, the one written later
    assert input_price(found, "m", DAY) == 10**9  # and back: what is remembered has its time
    later = found.quote("m", 9 * DAY)
    assert later is not None
    assert later.tier(0).prices["output"] == 4 * 10**9  # a kind that was not set again stays


def test_until_its_own_price_holds_the_wildcard_does() -> None:
    found = PriceBook(price_table({"m*": [row("input", "1")], "m1": [row("input", "2", DAY)]}))
    assert [input_price(found, "m1", at) for at in (0, DAY - 1, DAY)] == [10**9, 10**9, 2 * 10**9]


def test_a_star_in_a_name_is_no_exact_name() -> None:
    found = PriceBook(price_table({"a*": [row("input", "1")]}))
    assert input_price(found, "a*") == 10**9


@pytest.mark.parametrize(
    ("priced", "kind", "usd"),
    [
        ({"input": "2"}, "cache_read", 2),
        ({"input": "2"}, "cache_write_5m", 2),
        ({"input": "2"}, "cache_write_1h", 2),
        ({"input": "2", "cache_write_5m": "3"}, "cache_write_1h", 3),
        ({"input": "2", "cache_write_1h": "4"}, "cache_write_5m", 2),
        ({"input": "2"}, "audio_input", 2),
        ({"input": "2"}, "image_input", 2),
        ({"input": "2"}, "output", 2),
        ({"input": "2", "output": "8"}, "reasoning", 8),
        ({"input": "2", "output": "8"}, "audio_output", 8),
        ({"input": "2", "output": "8"}, "image_output", 8),
        ({"input": "2", "output": "8", "reasoning": "0"}, "reasoning", 0),
        ({"input": "2", "cache_read": "0"}, "cache_read", 0),
        ({"output": "8"}, "input", 0),
        ({"call": "1"}, "output", 0),
    ],
)
def test_what_a_kind_costs_that_has_no_price(priced: dict[str, str], kind: str, usd: int) -> None:
    found = quote(*(row(name, price) for name, price in priced.items()))
    assert found.tier(0).prices[kind] == usd * 10**9


def test_tiers_hold_above_their_length() -> None:
    found = quote(
        row("input", "1"),
        row("output", "10"),
        row("cache_read", "0.1"),
        row("input", "2", prompt_over=200_000),
        row("output", "15", prompt_over=200_000),
        row("input", "3", prompt_over=500_000),
    )

    def priced(prompt: int) -> tuple[int, ...]:
        tier = found.tier(prompt)
        return tuple(tier.prices[kind] // 10**8 for kind in ("input", "output", "reasoning", "cache_read", "cache_write_5m"))

    assert priced(0) == priced(200_000) == (10, 100, 100, 1, 10)
    assert priced(200_001) == priced(500_000) == (20, 150, 150, 1, 20)  # derived kinds follow; cache_read has its own price
    assert priced(500_001) == (30, 150, 150, 1, 30)


def test_tiers_without_a_ground_floor() -> None:
    found = quote(row("output", "1"), row("input", "2", prompt_over=1000))
    assert [found.tier(prompt).prices["input"] for prompt in (0, 1000, 1001)] == [0, 0, 2 * 10**9]


def test_a_new_price_of_a_tier_replaces_that_tier_only() -> None:
    found = book(m=[row("input", "1"), row("input", "2", prompt_over=10), row("input", "5", DAY, prompt_over=10)])
    then, now = found.quote("m", 0), found.quote("m", DAY)
    assert then is not None
    assert now is not None
    assert [q.tier(n).prices["input"] // 10**9 for q in (then, now) for n in (10, 11)] == [1, 2, 1, 5]


def test_units_by_size_and_quality() -> None:
    found = quote(
        row("image", "0.04"),
        row("image", "0.08", size="1024x1792"),
        row("image", "0.06", quality="hd"),
        row("image", "0.12", size="1024x1792", quality="hd"),
    )
    cents = {
        ("", ""): 4,
        ("1024x1024", "standard"): 4,
        ("1024x1792", "standard"): 8,
        ("1024x1024", "hd"): 6,
        ("1024x1792", "hd"): 12,
    }
    assert {key: found.unit("image", 0, *key) // 10**7 for key in cents} == cents


def test_a_size_that_nobody_priced_costs_the_dearest() -> None:
    found = quote(row("image", "0.01", size="256x256"), row("image", "0.09", size="1024x1024"))
    assert found.unit("image", 0, "8x8") == found.unit("image") == 90_000_000
    assert found.unit("second") == 0


def test_units_for_long_prompts() -> None:
    found = quote(row("search", "0.01"), row("search", "0.02", prompt_over=100))
    assert [found.unit("search", prompt) for prompt in (0, 100, 101)] == [10**7, 10**7, 2 * 10**7]


def test_a_quote_says_whose_prices_it_pins() -> None:
    found = book(m=[row("input", "1")])
    priced = found.quote("m", 0)
    assert priced is not None
    assert (priced.book, priced.pattern) == (found.version, "m")
    assert found.version


def test_strangers_names_fill_no_memory() -> None:
    found = PriceBook(price_table(prices("*", row("input", "1"))))
    for number in range(20_000):
        assert input_price(found, f"m{number}") == 10**9
    assert input_price(found, "x" * 10_000) == 10**9
    assert len(found._memo) <= 8192
    assert "x" * 10_000 not in found._memo
