"""Charges by hand: every unit, kind, tier, ratio and rounding edge, and every recording that carries usage."""

import json
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import pytest

from entrepot.billing.catalogue import start_catalogue
from entrepot.billing.charge import ONE_CALL, Units, charge, cost
from entrepot.billing.prices import PriceBook, Quote
from entrepot.core.dialect import Tapping
from entrepot.core.money import format_usd, parse_usd
from entrepot.core.usage import Usage
from entrepot.dialects.catalogue import load_dialects
from entrepot.snapshot.prices import price_table
from tests.billing.books import quote, row
from tests.dialects.recordings import FILES, Recording, answers, payloads
from tests.shared import requires_shared

GPT = quote(row("input", "2.5"), row("output", "10"), row("cache_read", "1.25"))
CLAUDE = quote(
    row("input", "3"), row("output", "15"), row("cache_read", "0.3"), row("cache_write_5m", "3.75"),
    row("cache_write_1h", "6"), row("search", "0.01"),
)  # fmt: skip
GEMINI = quote(
    row("input", "1.25"), row("output", "10"), row("cache_read", "0.125"), row("audio_input", "1"),
    row("input", "2.5", prompt_over=200_000), row("output", "15", prompt_over=200_000),
    row("cache_read", "0.25", prompt_over=200_000),
)  # fmt: skip
AUDIO = quote(row("input", "2.5"), row("output", "10"), row("audio_input", "40"), row("audio_output", "80"))
PICTURE = quote(row("input", "5"), row("image_input", "10"), row("image_output", "40"))
TALL = "1024x1792"
DRAWING = quote(row("image", "0.04"), row("image", "0.08", size=TALL), row("image", "0.12", size=TALL, quality="hd"))
# 1 USD per 1 M tokens is 1,000 nano-USD a token; 0.0005 USD per 1 M is half a nano-USD a token.
HALF = quote(row("input", "0.0005"))
DUST = quote(row("input", "0.000000001"))


class Example(NamedTuple):
    """What was used, and the charge worked out on paper."""

    name: str
    quote: Quote
    usage: Usage
    usd: str
    ratio_ppm: int = 1_000_000
    units: Units = ONE_CALL


EXAMPLES = (
    # 1000 x 2.5e-6 = 0.0025; 200 x 10e-6 = 0.002
    Example("input and output", GPT, Usage(input=1000, output=200), "0.0045"),
    # 100 x 2.5e-6 = 0.00025; 900 x 1.25e-6 = 0.001125; 200 x 10e-6 = 0.002
    Example("most of the prompt was cached", GPT, Usage(input=100, cache_read=900, output=200), "0.003375"),
    # reasoning at the price of output: (50 + 150) x 10e-6
    Example("reasoning has no price of its own", GPT, Usage(output=50, reasoning=150), "0.002"),
    # no write price: as input. 1000 x 2.5e-6
    Example("cache writes without a price are input", GPT, Usage(cache_write_5m=600, cache_write_1h=400), "0.0025"),
    # 10 x 3e-6 = 0.00003; 2000 x 0.3e-6 = 0.0006; 3000 x 3.75e-6 = 0.01125; 4000 x 6e-6 = 0.024; 500 x 15e-6 = 0.0075
    Example(
        "all cache kinds at once", CLAUDE,
        Usage(input=10, cache_read=2000, cache_write_5m=3000, cache_write_1h=4000, output=500), "0.04338",
    ),
    # 3 searches x 0.01 = 0.03; 1000 x 3e-6 = 0.003
    Example("searches beside tokens", CLAUDE, Usage(input=1000, searches=3), "0.033"),
    # prompt 200,000: not over. 200000 x 1.25e-6 = 0.25; 1000 x 10e-6 = 0.01
    Example("at the edge of a tier", GEMINI, Usage(input=200_000, output=1000), "0.26"),
    # prompt 200,001: all of it. 200001 x 2.5e-6 = 0.5000025; 1000 x 15e-6 = 0.015
    Example("one token over the edge", GEMINI, Usage(input=200_001, output=1000), "0.5150025"),
    # prompt 150,000 + 60,000 cached = 210,000. 150000 x 2.5e-6 = 0.375; 60000 x 0.25e-6 = 0.015; 10 x 15e-6 = 0.00015
    Example("cached tokens make a prompt long", GEMINI, Usage(input=150_000, cache_read=60_000, output=10), "0.39015"),
    # output is no part of the prompt: 100000 x 1.25e-6 = 0.125; (150000 + 60000) x 10e-6 = 2.1
    Example("a long answer is no long prompt", GEMINI, Usage(input=100_000, output=150_000, reasoning=60_000), "2.225"),
    # 250000 x 1e-6 (its own price, without a tier) = 0.25; 1 x 2.5e-6
    Example("a kind without a tier keeps its price", GEMINI, Usage(input=1, audio_input=250_000), "0.2500025"),
    # 100 x 2.5e-6 = 0.00025; 300 x 40e-6 = 0.012; 20 x 10e-6 = 0.0002; 400 x 80e-6 = 0.032
    Example("audio both ways", AUDIO, Usage(input=100, audio_input=300, output=20, audio_output=400), "0.04445"),
    # 50 x 5e-6 = 0.00025; 800 x 10e-6 = 0.008; 1056 x 40e-6 = 0.04224
    Example("pictures by tokens", PICTURE, Usage(input=50, image_input=800, image_output=1056), "0.05049"),
    Example("pictures by number", DRAWING, Usage(), "0.12", units=Units(images=3)),
    Example("pictures by size", DRAWING, Usage(), "0.16", units=Units(images=2, size=TALL, quality="standard")),
    Example("pictures by size and quality", DRAWING, Usage(), "0.24", units=Units(images=2, size="1024X1792", quality="HD")),
    # one call x 0.01, whatever is in it
    Example("by call", quote(row("call", "0.01")), Usage(input=10**6, output=10**6), "0.01"),
    # 0.01 + 1000 x 1e-6
    Example("by call and by token", quote(row("call", "0.01"), row("input", "1")), Usage(input=1000), "0.011"),
    Example("four calls for n = 4", quote(row("call", "0.01")), Usage(), "0.04", units=Units(calls=4)),
    # 61 x 0.0001
    Example("by second", quote(row("second", "0.0001")), Usage(), "0.0061", units=Units(seconds=61)),
    # 1234 x 0.000015 = 0.01851
    Example("by character", quote(row("character", "0.000015")), Usage(), "0.01851", units=Units(characters=1234)),
    # 0.0045 x 0.8
    Example("a group that pays less", GPT, Usage(input=1000, output=200), "0.0036", 800_000),
    # 0.0045 x 1.000001 = 0.0045000045 -> 0.000000005 up: 0.0045000045 has ten digits, 4.5 nano rounds up
    Example("the finest ratio", GPT, Usage(input=1000, output=200), "0.004500005", 1_000_001),
    Example("a group that pays nothing", GPT, Usage(input=1000, output=200), "0", 0),
    # 0.01 x 2.5: the ratio is on units too
    Example("the ratio is on calls too", quote(row("call", "0.01")), Usage(), "0.025", 2_500_000),
    # 1 token = 0.5 nano: up
    Example("half a nano-USD goes up", HALF, Usage(input=1), "0.000000001"),
    # 2 tokens = 1 nano; rounding each token up would give 2
    Example("rounded once, not by token", HALF, Usage(input=2), "0.000000001"),
    # input 0.5 + cached 0.5 (derived) + output 0.5 = 1.5 nano: up to 2; rounding by kind would give 3
    Example("rounded once, not by kind", HALF, Usage(input=1, cache_read=1, output=1), "0.000000002"),
    # 1 token x 0.5 nano x 0.999999 = 0.4999995: down
    Example("just below a half goes down", HALF, Usage(input=1), "0", 999_999),
    # 3 x 0.5 x 0.333333 = 0.4999995: down; the ratio is applied before the rounding
    Example("rounded after the ratio", HALF, Usage(input=3), "0", 333_333),
    # 499,999 x 1e-6 nano = 0.499999: down; 500,000: half, up
    Example("the finest price, below a half", DUST, Usage(input=499_999), "0"),
    Example("the finest price, a half", DUST, Usage(input=500_000), "0.000000001"),
    # 2**53 x 1e-15 USD = 9.007199254740992: nine digits are left, the tenth is 0
    Example("more tokens than a float can count", DUST, Usage(input=2**53 + 1), "9.007199255"),
    Example("nothing was used", GPT, Usage(), "0"),
)  # fmt: skip


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_by_hand(example: Example) -> None:
    bill = charge(example.usage, example.quote, example.ratio_ppm, example.units)
    assert format_usd(bill.total) == example.usd
    assert cost(example.usage, example.quote, example.ratio_ppm, example.units) == bill.total


# Prices with nothing in common, so that a token in the wrong kind changes the sum.
USD = {
    "input": "2.003", "cache_read": "0.307", "cache_write_5m": "2.713", "audio_input": "41.011", "image_input": "3.017",
    "output": "10.007", "reasoning": "13.001", "audio_output": "83.003", "image_output": "31.013", "search": "0.0101",
}  # fmt: skip
ODD = quote(*(row(kind, usd) for kind, usd in USD.items()))
RATIO = "0.731"


def vendor_usage(recording: Recording) -> dict[str, Any] | None:
    """The last usage object that counts something, as the vendor wrote it."""
    found = None
    for payload in payloads(recording.body) if recording.stream else [json.loads(recording.body)]:
        places = [choice.get("usage") for choice in payload.get("choices") or []]
        places += [payload.get("usage"), (payload.get("x_groq") or {}).get("usage")]
        for usage in places:
            if usage and any(usage.get(key) for key in ("prompt_tokens", "completion_tokens", "total_tokens")):
                found = usage
    return found


def by_decimals(usage: dict[str, Any]) -> Decimal:
    """USD for a usage object of OpenAI's family, from the vendors' documentation and with nothing of ours."""
    asked, made = usage.get("prompt_tokens_details") or {}, usage.get("completion_tokens_details") or {}
    prompt = usage["prompt_tokens"] if "prompt_tokens" in usage else usage["total_tokens"]
    completion = usage.get("completion_tokens") or 0
    unseen = max((usage.get("total_tokens") or 0) - prompt - completion, 0)  # thoughts that a vendor left out of the completion
    cached = max(
        asked.get("cached_tokens") or 0, usage.get("prompt_cache_hit_tokens") or 0, usage.get("num_cached_tokens") or 0,
        usage.get("cached_tokens") or 0,
    )  # fmt: skip
    counts = {
        "cache_read": cached,
        "cache_write_5m": asked.get("cache_write_tokens") or 0,
        "audio_input": asked.get("audio_tokens") or 0,
        "image_input": asked.get("image_tokens") or 0,
        "reasoning": max(made.get("reasoning_tokens") or 0, unseen),
        "audio_output": made.get("audio_tokens") or 0,
        "image_output": made.get("image_tokens") or 0,
        "search": (usage.get("server_tool_use_details") or {}).get("web_search_requests") or 0,
    }
    counts["input"] = prompt
    for kind in ("cache_read", "cache_write_5m", "audio_input", "image_input"):
        # Each token once, although one recording (Gemini by OpenRouter) has the same tokens as written and as read.
        counts[kind] = min(counts[kind], counts["input"])
        counts["input"] -= counts[kind]
    written = sum(counts[kind] for kind in ("reasoning", "audio_output", "image_output"))
    counts["output"] = completion + unseen - written
    million = Decimal(1_000_000)
    total = sum(count * Decimal(USD[kind]) / (1 if kind == "search" else million) for kind, count in counts.items())
    return (Decimal(total) * Decimal(RATIO)).quantize(Decimal("1e-9"), ROUND_HALF_UP)


def counted() -> Iterator[tuple[str, Recording, dict[str, Any]]]:
    """Every recording with usage, and its operation."""
    for name, operation in FILES.items():
        for stream in (False, True):
            for recording in answers(name, stream=stream):
                usage = vendor_usage(recording)
                if usage is not None:
                    yield operation, recording, usage


def our_usage(operation: str, recording: Recording) -> Usage:
    """What the gateway reads while the answer passes."""
    tap = load_dialects()[operation].tap(Tapping(stream=recording.stream))
    tap.feed(recording.body)
    tap.end()
    assert tap.usage is not None, recording.id
    return tap.usage


@requires_shared
def test_every_recording_with_usage() -> None:
    ratio_ppm = int(Decimal(RATIO) * 1_000_000)
    seen = 0
    for operation, recording, usage in counted():
        due = by_decimals(usage)
        assert due > 0, recording.id
        assert cost(our_usage(operation, recording), ODD, ratio_ppm) == parse_usd(str(due)), (recording.id, usage)
        seen += 1
    assert seen > 300


@requires_shared
def test_recordings_of_models_in_the_catalogue() -> None:
    """With the prices that an installation starts with: each is charged something, and no call costs a fortune."""
    book = PriceBook(price_table({model.name: model.rows for model in start_catalogue()}))
    charged = []
    for operation, recording, _ in counted():
        text = payloads(recording.body)[0] if recording.stream else json.loads(recording.body)
        priced = book.quote(text.get("model") or "", 0)
        if priced is not None:
            charged.append(cost(our_usage(operation, recording), priced, 1_000_000))
    assert len(charged) > 50
    assert all(0 < nano < 10**9 for nano in charged)


OUR_NAMES = {
    "anthropic/claude-4.5-sonnet-20250929": "claude-sonnet-4-5",
    "anthropic/claude-sonnet-4.5": "claude-sonnet-4-5",
    "anthropic/claude-4.6-sonnet-20260217": "claude-sonnet-4-6",
    "google/gemini-2.5-flash": "gemini-2.5-flash",
    "openai/gpt-4.1-mini": "gpt-4.1-mini",
    "z-ai/glm-4.6": "glm-4.6",
}
"""Models of recordings that a reseller (OpenRouter) passed on at the vendor's list price."""


@requires_shared
def test_our_charge_is_the_vendors_own_bill() -> None:
    """OpenRouter writes into each answer what it cost: the same as we charge at a ratio of 1, to the nano-USD."""
    book = PriceBook(price_table({model.name: model.rows for model in start_catalogue()}))
    seen: set[str] = set()
    compared = 0
    for operation, recording, usage in counted():
        text = payloads(recording.body)[0] if recording.stream else json.loads(recording.body)
        priced = book.quote(OUR_NAMES.get(text.get("model") or "", ""), 0)
        if priced is None or not usage.get("cost"):  # 0 where the caller had brought a key of its own
            continue
        used = our_usage(operation, recording)
        if used.searches or (used.cache_read and used.cache_write_5m and priced.pattern.startswith("gemini")):
            continue  # its searches have a price of its own; Gemini's storage of a cache comes on top of reading it
        bill = Decimal(str(usage["cost"])).quantize(Decimal("1e-9"), ROUND_HALF_UP)
        assert cost(used, priced, 1_000_000) == parse_usd(str(bill)), recording.id
        compared += 1
        seen |= used.kinds().keys()
    assert compared >= 15
    assert seen >= {"input", "output", "reasoning", "cache_read", "cache_write_5m"}
