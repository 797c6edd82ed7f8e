"""Estimates: prompt by class of byte, caps, slices, and what a balance can pay."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.billing.charge import MAX_CHARGE, Units, cost
from entrepot.billing.estimate import MAX_OUTPUT, MOST, ROOMY, SAFE, SLICE, USEFUL, Estimate, estimate
from entrepot.billing.prices import Quote, free
from entrepot.billing.prompt import read_prompt
from entrepot.core.call import Peek
from entrepot.core.usage import Usage
from entrepot.kit import json
from tests.billing.books import quote, row

PRICED = quote(row("input", "1"), row("output", "10"))
ONE = 1_000_000


def peek(stream: bool = False, max_output: int | None = None, choices: int = 1, **members: Any) -> Peek:
    """A peek at a body with these members."""
    content = members or {"messages": [{"role": "user", "content": "hi"}]}
    return Peek("m", stream, json.members(json.encode(content)), max_output=max_output, choices=choices)


def prompt_of(found: Estimate) -> int:
    return cost(Usage(input=found.prompt), PRICED, ONE)


def test_a_whole_answer_holds_its_cap() -> None:
    found = estimate(peek(max_output=32_000), PRICED, ONE)
    assert found.hold == prompt_of(found) + 32_000 * 10_000


def test_what_a_vendor_adds_is_held_and_counted() -> None:
    plain, more = estimate(peek(), PRICED, ONE), estimate(msgspec.structs.replace(peek(), added=1000), PRICED, ONE)
    assert (more.counted - plain.counted, more.prompt - plain.prompt) == (1000, 1250)
    assert more.hold > plain.hold


def test_a_whole_answer_without_a_cap_holds_what_its_model_can_write() -> None:
    known, unknown = estimate(peek(choices=2), PRICED, ONE, most=16_384), estimate(peek(), PRICED, ONE)
    assert known.hold == prompt_of(known) + 2 * 16_384 * 10_000
    assert unknown.hold == prompt_of(unknown) + MOST * 10_000
    assert (known.capped, known.known, unknown.known) == (False, True, False)
    assert estimate(peek(max_output=9), PRICED, ONE).known, "the client's own, lowered, is one that the vendor takes"


@pytest.mark.parametrize(
    ("tokens", "of_client", "of_known", "of_unknown"),
    [
        (-1, 0, 0, 0),
        (500, 500, 500, 500),
        (ROOMY, ROOMY, ROOMY, ROOMY),
        (ROOMY + 100, ROOMY + 100, ROOMY, ROOMY),
        (10_000, 10_000, 5_000, 5_000),
        (60_000, 20_000, 30_000, SAFE),
    ],
)
def test_the_cap_to_tell_where_the_balance_is_short(tokens: int, of_client: int, of_known: int, of_unknown: int) -> None:
    client, known = estimate(peek(max_output=20_000), PRICED, ONE), estimate(peek(), PRICED, ONE, most=100_000)
    available = prompt_of(client) + tokens * 10_000
    unknown = estimate(peek(), PRICED, ONE)
    assert [found.lowered(available) for found in (client, known, unknown)] == [of_client, of_known, of_unknown]


@pytest.mark.parametrize(("cap", "held"), [(None, SLICE), (32_000, SLICE), (SLICE, SLICE), (50, 50)])
def test_a_stream_holds_one_slice(cap: int | None, held: int) -> None:
    found = estimate(peek(stream=True, max_output=cap), PRICED, ONE)
    assert found.hold == prompt_of(found) + held * 10_000


def test_a_stream_grows_by_slices_up_to_its_cap() -> None:
    found = estimate(peek(stream=True, max_output=2500), PRICED, ONE)
    held = [found.ahead(delivered) - prompt_of(found) for delivered in (0, 1, 1000, 1476, 2400, 2500, 2600)]
    assert held == [tokens * 10_000 for tokens in (1024, 1025, 2024, 2500, 2500, 2500, 2600)]
    assert found.step == SLICE * 10_000


def test_a_stream_without_a_cap_grows_for_ever() -> None:
    found = estimate(peek(stream=True), PRICED, ONE)
    assert found.ahead(100_000) - prompt_of(found) == (100_000 + SLICE) * 10_000


def test_choices_multiply_the_answer_not_the_prompt() -> None:
    one, four = estimate(peek(max_output=100), PRICED, ONE), estimate(peek(max_output=100, choices=4), PRICED, ONE)
    assert (one.prompt, four.hold - one.hold) == (four.prompt, 300 * 10_000)
    assert four.affordable(four.hold) == 100
    assert estimate(peek(stream=True, choices=4), PRICED, ONE).step == 4 * SLICE * 10_000


def test_the_group_pays_its_ratio() -> None:
    half, full = estimate(peek(max_output=100), PRICED, ONE // 2), estimate(peek(max_output=100), PRICED, ONE)
    assert half.hold * 2 == full.hold


def test_nothing_is_written_by_embeddings() -> None:
    found = estimate(peek(max_output=77, input="text"), PRICED, ONE, writes=False)
    assert (found.hold, found.minimum, found.cap) == (prompt_of(found), prompt_of(found), 0)


def test_below_the_minimum_nothing_is_sent() -> None:
    found = estimate(peek(max_output=32_000), PRICED, ONE)
    assert found.minimum == prompt_of(found) + USEFUL * 10_000
    assert found.affordable(found.minimum) == USEFUL
    assert found.affordable(found.minimum - 1) == USEFUL - 1
    assert estimate(peek(max_output=5), PRICED, ONE).minimum == prompt_of(found) + 5 * 10_000


def test_a_balance_that_does_not_pay_the_prompt() -> None:
    found = estimate(peek(), PRICED, ONE)
    assert [found.affordable(amount) for amount in (0, prompt_of(found) - 1, prompt_of(found))] == [0, 0, 0]
    assert found.affordable(prompt_of(found) + 10_000) == 1


def test_free_output_is_not_capped() -> None:
    assert estimate(peek(), free(), ONE).affordable(0) == MAX_OUTPUT
    assert estimate(peek(max_output=9), free(), ONE).affordable(0) == 9
    assert estimate(peek(), free(), ONE).hold == 0


@given(
    st.integers(0, 10**6), st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 3_000_000), st.integers(0, 10**13),
    st.none() | st.integers(0, 10**6), st.integers(1, 8), st.booleans(),
)  # fmt: skip
def test_what_can_be_afforded_is_exact(
    input_nano: int, output_nano: int, call: int, ratio: int, available: int, cap: int | None, choices: int, stream: bool
) -> None:
    """Never more than the balance pays; and one token more would be too much."""
    prices = quote(row("input", "0"), row("output", "0"))
    prices = Quote("m", "", (prices.tiers[0].__class__(0, (input_nano, 0, 0, 0, 0, 0, output_nano, 0, 0, 0)),), {})
    found = estimate(peek(stream, cap, choices), prices, ratio)
    most = found.affordable(available)
    assert most >= 0
    if most:
        assert found.cost(most * choices) <= available
    if most < (MAX_OUTPUT if cap is None else cap):
        assert found.cost((most + 1) * choices) > available
    assert found.minimum <= found.cost(found.cap) <= MAX_CHARGE
    assert found.hold >= found.cost(0)
    del call


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 10**11), st.integers(0, 3_000_000))
def test_a_hold_covers_the_charge_of_its_own_counts(prompt: int, output: int, nano: int, ratio: int) -> None:
    prices = Quote("m", "", (quote(row("input", "0")).tiers[0].__class__(0, (nano, 0, 0, 0, 0, 0, nano, 0, 0, 0)),), {})
    found = estimate(peek(max_output=5000), prices, ratio)
    used = Usage(input=min(prompt, found.prompt), output=output)
    assert cost(used, prices, ratio) <= found.hold


def test_dearest_kinds_that_may_come() -> None:
    prices = quote(
        row("input", "1"), row("cache_write_5m", "1.25"), row("cache_write_1h", "2"),
        row("output", "10"), row("reasoning", "12"), row("audio_output", "80"), row("image_output", "30"),
    )  # fmt: skip
    plain = estimate(peek(max_output=1), prices, ONE)
    assert plain.cost(1) - plain.cost(0) == 12_000
    assert plain.cost(0) == plain.prompt * 1250
    spoken = estimate(peek(max_output=1, messages=[], modalities=["text", "audio"]), prices, ONE)
    assert spoken.cost(1) - spoken.cost(0) == 80_000
    drawn = estimate(peek(max_output=1, messages=[], modalities=["text", "image"]), prices, ONE)
    assert drawn.cost(1) - drawn.cost(0) == 30_000
    kept = estimate(peek(system=[{"cache_control": {"type": "ephemeral", "ttl": "1h"}}]), prices, ONE)
    assert kept.cost(0) == kept.prompt * 2000


def test_a_long_prompt_is_held_at_its_tier() -> None:
    prices = quote(
        row("input", "1"), row("output", "10"), row("input", "2", prompt_over=1000), row("output", "20", prompt_over=1000)
    )
    found = estimate(peek(max_output=1, messages="word " * 1000), prices, ONE)
    assert (found.cost(0), found.cost(1) - found.cost(0)) == (found.prompt * 2000, 20_000)


def test_units_are_held() -> None:
    prices = quote(row("call", "0.001"), row("image", "0.04"), row("image", "0.08", size="1x2"), row("search", "9"))
    found = estimate(peek(prompt="x"), prices, ONE, writes=False, units=Units(images=3, size="1X2"))
    assert found.hold == 10**6 + 3 * 80 * 10**6


def test_what_is_held_has_a_margin_over_what_is_counted() -> None:
    found = estimate(peek(messages="word " * 1000), PRICED, ONE)
    assert found.counted == read_prompt(peek(messages="word " * 1000).members).tokens
    assert found.prompt == found.counted + found.counted // 4 + 16
