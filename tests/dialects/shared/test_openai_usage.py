"""Every spelling of usage on one base."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.core.usage import Basis, Usage
from entrepot.dialects.shared.openai_usage import read_plain, read_usage
from entrepot.kit import json


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        pytest.param({"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, {"input": 5, "output": 7}, id="plain"),
        pytest.param(
            {
                "prompt_tokens": 100,
                "completion_tokens": 50,
                "total_tokens": 150,
                "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10, "image_tokens": 5, "cache_write_tokens": 20},
                "completion_tokens_details": {
                    "reasoning_tokens": 30,
                    "audio_tokens": 4,
                    "image_tokens": 1,
                    "rejected_prediction_tokens": 2,
                },
            },
            {
                "input": 5,
                "cache_read": 60,
                "cache_write_5m": 20,
                "audio_input": 10,
                "image_input": 5,
                "output": 15,
                "reasoning": 30,
                "audio_output": 4,
                "image_output": 1,
            },
            id="all of openai's details",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 1, "prompt_cache_hit_tokens": 15, "prompt_cache_miss_tokens": 5},
            {"input": 5, "cache_read": 15, "output": 1},
            id="deepseek",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21, "num_cached_tokens": 16},
            {"input": 4, "cache_read": 16, "output": 1},
            id="mistral",
        ),
        pytest.param(
            {"prompt_tokens": 20, "completion_tokens": 1, "total_tokens": 21, "cached_tokens": 8},
            {"input": 12, "cache_read": 8, "output": 1},
            id="moonshot",
        ),
        pytest.param(
            {"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100},
            {"input": 66, "output": 6, "reasoning": 28},
            id="gemini's endpoint hides thoughts, the total knows",
        ),
        pytest.param(
            {
                "prompt_tokens": 10,
                "completion_tokens": 4,
                "total_tokens": 64,
                "completion_tokens_details": {"reasoning_tokens": 50},
            },
            {"input": 10, "output": 4, "reasoning": 50},
            id="xai counts reasoning beside the completion",
        ),
        pytest.param({"prompt_tokens": 8, "total_tokens": 8}, {"input": 8}, id="embeddings"),
        pytest.param({"total_tokens": 8}, {"input": 8}, id="voyage"),
        pytest.param({"input_tokens": 8, "output_tokens": 3}, {"input": 8, "output": 3}, id="names of the responses API"),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 9}},
            {"cache_read": 5, "output": 5},
            id="more cached than there is",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 9}},
            {"input": 5, "reasoning": 5},
            id="more reasoning than there is",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 5, "num_search_queries": 3},
            {"input": 5, "output": 5, "searches": 3},
            id="perplexity",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 5, "server_tool_use_details": {"web_search_requests": 2}},
            {"input": 5, "output": 5, "searches": 2},
            id="openrouter",
        ),
        pytest.param(
            {"prompt_tokens": 5.0, "completion_tokens": "7", "prompt_tokens_details": None, "total_tokens": True},
            {"input": 5},
            id="wrong types",
        ),
    ],
)
def test_spellings(fields: dict[str, Any], kinds: dict[str, int]) -> None:
    usage = read_usage(fields)
    assert usage is not None
    assert usage.kinds() == kinds
    assert usage.basis is Basis.VENDOR


@pytest.mark.parametrize("fields", [{}, {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, {"prompt_tokens": -4}])
def test_nothing_counted_is_no_usage(fields: dict[str, Any]) -> None:
    assert read_usage(fields) is None


NUMBERS = st.one_of(st.integers(-5, 2000), st.floats(), st.none(), st.booleans(), st.text(max_size=3))
DETAILS = st.dictionaries(
    st.sampled_from(["cached_tokens", "audio_tokens", "image_tokens", "reasoning_tokens", "cache_write_tokens"]), NUMBERS
)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt_tokens": NUMBERS,
            "completion_tokens": NUMBERS,
            "total_tokens": NUMBERS,
            "cached_tokens": NUMBERS,
            "prompt_tokens_details": st.one_of(DETAILS, NUMBERS),
            "completion_tokens_details": st.one_of(DETAILS, NUMBERS),
        },
    )
)
def test_whatever_comes_kinds_are_disjoint_and_never_negative(fields: dict[str, Any]) -> None:
    usage = read_usage(fields)
    if usage is None:
        return
    assert min(usage.kinds().values(), default=1) > 0

    def number(name: str) -> int:
        value = fields.get(name)
        usable = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 2**53
        return int(value) if usable else 0

    if fields.get("prompt_tokens") is not None:
        assert usage.prompt_total == number("prompt_tokens")
        if fields.get("completion_tokens") is not None:
            hidden = max(number("total_tokens") - number("prompt_tokens") - number("completion_tokens"), 0)
            assert usage.output_total == number("completion_tokens") + hidden


@settings(max_examples=200)
@given(
    st.fixed_dictionaries(
        {"prompt_tokens": st.integers(0, 50), "completion_tokens": st.integers(0, 50), "total_tokens": st.integers(0, 100)},
        optional={
            "prompt_tokens_details": st.none()
            | st.dictionaries(st.sampled_from(["cached_tokens", "audio_tokens", "image_tokens"]), st.integers(-1, 60)),
            "completion_tokens_details": st.none()
            | st.dictionaries(
                st.sampled_from(["reasoning_tokens", "audio_tokens", "rejected_prediction_tokens"]), st.integers(0, 60)
            ),
            "cached_tokens": st.integers(0, 50),
        },
    ),
    st.booleans(),
)
def test_the_quick_way_counts_the_same(fields: dict[str, Any], adds_up: bool) -> None:
    if adds_up:
        fields["total_tokens"] = fields["prompt_tokens"] + fields["completion_tokens"]
    quick = read_plain(json.encode(fields))
    assert quick is None or quick == read_usage(fields)


def test_the_quick_way_is_for_openais_own_words() -> None:
    usage = b'{"prompt_tokens":212,"completion_tokens":180,"total_tokens":392,"prompt_tokens_details":{"cached_tokens":12}}'
    assert read_plain(usage) == Usage(input=200, cache_read=12, output=180)
    assert read_plain(usage[:-1] + b',"cost":0.1}') is None
    assert read_plain(b'"usage"') is None
