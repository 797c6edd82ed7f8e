"""The script that makes the start catalogue."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from entrepot.billing.prices import DERIVED
from entrepot.snapshot.prices import TOKENS
from tools.prices import DERIVED as SCRIPT_DERIVED
from tools.prices import FACTS, KINDS, catalogue, main

FILE = Path(__file__).parents[2] / "src/entrepot/billing/catalogue.toml"


def made(**models: dict[str, Any]) -> dict[str, Any]:
    """What the script makes of these facts."""
    return tomllib.loads(catalogue({name.replace("__", "/"): facts for name, facts in models.items()}))


def chat(provider: str = "xai", **prices: str) -> dict[str, Any]:
    return {"provider": provider, "mode": "chat", "usd_per_1m_tokens": prices}


@pytest.mark.skipif(not FACTS.is_file(), reason="needs the facts in ../shared/data")
def test_the_catalogue_is_what_the_script_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == FILE.read_text("utf-8")


def test_without_facts_nothing_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.json")]) == 1
    assert capsys.readouterr().out == ""


def test_facts_are_read_as_decimals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"provider": "openai", "mode": "audio_transcription", "usd": {"input_cost_per_second": 8.33333333333e-05}}
    (tmp_path / "facts.json").write_text(json.dumps({"models": {"whisper-9": facts}}))
    assert main([str(tmp_path / "facts.json")]) == 0
    assert tomllib.loads(capsys.readouterr().out)["openai"] == {"whisper-9": {"mode": "transcription", "second": "0.000083333"}}


def test_it_derives_as_billing_does() -> None:
    assert dict(DERIVED) == SCRIPT_DERIVED
    assert set(KINDS) == set(TOKENS)


def test_what_follows_is_left_out() -> None:
    grok = chat(input="2", output="8", reasoning_output="8", image_input="2", cache_read="0.5", cache_write_5m="0")
    assert made(xai__grok=grok, **{"grok-1": grok})["xai"]["grok-1"] == {
        "mode": "chat", "input": "2", "output": "8", "cache_read": "0.5",
    }  # fmt: skip


def test_what_a_tier_prices_is_kept() -> None:
    facts = {**chat(input="2", output="8", cache_read="2"), "tiers_usd_per_1m_tokens": {
        "input_cost_per_token_above_200k_tokens": "4", "cache_read_input_token_cost_above_200k_tokens": "4",
        "input_cost_per_character_above_200k_tokens": "9",
    }}  # fmt: skip
    line = made(**{"xai/grok-2": facts})["xai"]["grok-2"]
    assert line["cache_read"] == "2"
    assert line["over"] == {"200000": {"input": "4", "cache_read": "4"}}


def test_units_only_where_no_tokens_are_counted() -> None:
    usd = {"output_cost_per_image": Decimal("0.04")}
    counted = {"provider": "openai", "mode": "image_generation", "usd": usd, "usd_per_1m_tokens": {"input": "5"}}
    plain = {"provider": "openai", "mode": "image_generation", "usd": usd}
    sized = {"provider": "openai", "mode": "image_generation", "usd": {"input_cost_per_image": Decimal("0.2")}}
    found = made(**{"gpt-a": counted, "gpt-b": plain, "hd/1024-x-1536/gpt-b": sized, "hd/1024-x-1536/gpt-a": sized})["openai"]
    assert found["gpt-a"] == {"mode": "images", "input": "5"}
    assert found["gpt-b"]["at"] == [{"size": "1024x1536", "quality": "hd", "image": "0.2"}]


def test_others_models_and_free_ones_are_left_out() -> None:
    found = made(
        **{
            "xai/grok-3": chat(input="0", output="0"),
            "mistral/deepseek-9": chat("mistral", input="1"),
            "perplexity/openai/gpt-5": chat("perplexity", input="1"),
        }
    )
    assert list(found) == ["sandbox"]
