"""The start catalogue: well-formed, billable, and some prices known by heart."""

import pytest

from entrepot.billing.catalogue import ModelPrices, start_catalogue
from entrepot.billing.prices import PriceBook, Quote
from entrepot.snapshot.prices import TOKENS, price_table


@pytest.fixture(scope="module")
def catalogue() -> list[ModelPrices]:
    return start_catalogue()


@pytest.fixture(scope="module")
def book(catalogue: list[ModelPrices]) -> PriceBook:
    return PriceBook(price_table({model.name: model.rows for model in catalogue}))


def quoted(book: PriceBook, model: str) -> Quote:
    found = book.quote(model, 0)
    assert found is not None, model
    return found


def test_no_name_twice_and_nothing_without_a_price(catalogue: list[ModelPrices]) -> None:
    names = [model.name for model in catalogue]
    assert len(names) == len(set(names)) > 400
    assert all(model.rows and model.owner and model.mode for model in catalogue)
    assert {"openai", "anthropic", "google", "deepseek", "xai", "mistral", "alibaba", "moonshot"} <= {
        m.owner for m in catalogue
    }


def test_nothing_is_free_by_mistake(catalogue: list[ModelPrices]) -> None:
    free = {model.name for model in catalogue if not any(row.nano for row in model.rows)}
    assert all(name.startswith("sandbox/") or "moderation" in name for name in free)


def test_chat_models_have_both_prices(catalogue: list[ModelPrices], book: PriceBook) -> None:
    for model in catalogue:
        if model.mode == "chat" and model.owner != "sandbox":
            tier = quoted(book, model.name).tier(0)
            assert 0 < tier.prices["input"] <= tier.prices["output"], model.name
            assert tier.prices["cache_read"] <= tier.prices["input"], model.name
            assert max(tier.nano) < 1000 * 10**9, model.name  # a slip of the point would show


def test_longer_prompts_are_not_cheaper(catalogue: list[ModelPrices], book: PriceBook) -> None:
    for model in catalogue:
        for longer, shorter in zip(quoted(book, model.name).tiers, quoted(book, model.name).tiers[1:], strict=False):
            assert all(high >= low for high, low in zip(longer.nano, shorter.nano, strict=True)), model.name


@pytest.mark.parametrize(
    ("model", "prompt", "usd"),
    [
        ("gpt-4o-mini", 0, {"input": "0.15", "output": "0.6", "reasoning": "0.6", "cache_read": "0.075"}),
        ("claude-sonnet-4-5", 0, {"input": "3", "cache_write_5m": "3.75", "cache_write_1h": "6", "cache_read": "0.3"}),
        ("gemini-2.5-pro", 200_000, {"input": "1.25", "output": "10"}),
        ("gemini-2.5-pro", 200_001, {"input": "2.5", "output": "15", "reasoning": "15", "cache_read": "0.25"}),
        ("deepseek-chat", 0, {"input": "0.28", "output": "0.42", "cache_read": "0.028"}),
        ("gpt-image-1", 0, {"input": "5", "image_input": "10", "image_output": "40"}),
        ("ft:gpt-4o-mini-2024-07-18:org::id", 0, {"input": "0.3", "output": "1.2"}),
        ("text-embedding-3-small", 0, {"input": "0.02"}),
        ("sandbox/echo", 0, dict.fromkeys(TOKENS, "0")),
    ],
)
def test_some_prices(book: PriceBook, model: str, prompt: int, usd: dict[str, str]) -> None:
    tier = quoted(book, model).tier(prompt)
    assert {kind: tier.prices[kind] for kind in usd} == {kind: round(float(text) * 10**9) for kind, text in usd.items()}


def test_some_units(book: PriceBook) -> None:
    assert quoted(book, "whisper-1").unit("second") == 100_000
    assert quoted(book, "tts-1").unit("character") == 15_000
    assert quoted(book, "rerank-v3.5").unit("call") == 2_000_000
    assert quoted(book, "sora-2").unit("second") == 100_000_000
    assert quoted(book, "claude-sonnet-4-5").unit("search") == 10_000_000
    assert quoted(book, "grok-imagine-image-2.0").unit("image", 0, "1024x1024", "low") == 40_000_000
    assert quoted(book, "grok-imagine-image-2.0").unit("image", 0, "1024x1024", "high") == 60_000_000
