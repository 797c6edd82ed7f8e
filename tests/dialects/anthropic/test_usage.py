"""Usage as Anthropic counts it."""

from typing import Any

import pytest

from entrepot.core.usage import Usage
from entrepot.dialects.anthropic.usage import count_of, merged, read_usage


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"input_tokens": 10, "output_tokens": 3}, Usage(input=10, output=3)),
        (
            {"input_tokens": 4, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1},
            Usage(input=4, cache_read=100, cache_write_5m=20, output=1),
        ),
        (
            {
                "input_tokens": 4,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "output_tokens": 1,
            },
            Usage(input=4, cache_write_5m=10, cache_write_1h=20, output=1),
        ),
        (  # the split alone
            {"cache_creation": {"ephemeral_5m_input_tokens": 1, "ephemeral_1h_input_tokens": 2}, "output_tokens": 1},
            Usage(cache_write_5m=1, cache_write_1h=2, output=1),
        ),
        (  # the total grew beyond the split of message_start: all of it lives for an hour, as what is known does
            {"cache_creation_input_tokens": 50, "cache_creation": {"ephemeral_1h_input_tokens": 20}, "output_tokens": 1},
            Usage(cache_write_1h=50, output=1),
        ),
        (  # or it is of both kinds: the rest is of the cheaper one
            {
                "cache_creation_input_tokens": 50,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            },
            Usage(cache_write_5m=30, cache_write_1h=20),
        ),
        (
            {"input_tokens": 1, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 5}},
            Usage(input=1, output=4, reasoning=5),
        ),
        ({"output_tokens": 2, "output_tokens_details": {"thinking_tokens": 5}}, Usage(reasoning=2)),
        (
            {"output_tokens": 1, "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}},
            Usage(output=1, searches=3),
        ),
        ({"input_tokens": 0, "output_tokens": 0}, None),
        ({}, None),
        ({"input_tokens": "7", "output_tokens": None, "cache_read_input_tokens": -4, "cache_creation": []}, None),
        ({"input_tokens": 2.0, "output_tokens": True, "iterations": "many"}, Usage(input=2)),
    ],
)
def test_kinds(fields: dict[str, Any], usage: Usage | None) -> None:
    assert read_usage(fields) == usage


def test_what_the_totals_leave_out_is_added() -> None:
    fields = {
        "input_tokens": 220,
        "output_tokens": 8,
        "iterations": [
            {"type": "compaction", "input_tokens": 55_196, "output_tokens": 125, "cache_read_input_tokens": 3},
            {"type": "message", "input_tokens": 220, "output_tokens": 8},
            {
                "type": "advisor_message",
                "model": "big",
                "input_tokens": 100,
                "output_tokens": 20,
                "cache_creation_input_tokens": 7,
            },
            {"type": "advisor_message", "input_tokens": 2, "output_tokens": 3},
            "nonsense",
        ],
    }
    advisor = Usage(input=100, cache_write_5m=7, output=20)
    assert read_usage(fields) == Usage(input=220 + 55_196 + 2, cache_read=3, output=8 + 125 + 3, others=(("big", advisor),)), (
        "one without a name is of the model that was asked for"
    )


def test_a_fallbacks_totals_are_its_own() -> None:
    fields = {
        "input_tokens": 412,
        "output_tokens": 264,
        "server_tool_use": {"web_search_requests": 1},
        "iterations": [
            {"type": "message", "model": "asked", "input_tokens": 408, "output_tokens": 0},
            {"type": "advisor_message", "model": "big", "input_tokens": 5, "output_tokens": 6},
            {"type": "fallback_message", "model": "other", "input_tokens": 412, "output_tokens": 264},
        ],
    }
    others = (("big", Usage(input=5, output=6)), ("other", Usage(input=412, output=264)))
    assert read_usage(fields) == Usage(searches=1, others=others)
    fields["iterations"] = [{"type": "fallback_message", "input_tokens": 412, "output_tokens": 264}]
    assert read_usage(fields) == Usage(input=412, output=264, searches=1)


def test_news_replace_what_they_name() -> None:
    start = {"input_tokens": 10, "output_tokens": 1, "cache_creation": {"ephemeral_1h_input_tokens": 5}}
    known = merged(start, {"input_tokens": 300, "output_tokens": 50, "cache_creation_input_tokens": None})
    assert known == start | {"input_tokens": 300, "output_tokens": 50}
    assert start["output_tokens"] == 1


@pytest.mark.parametrize(("value", "count"), [(5, 5), (0, 0), (-1, 0), (2**60, 0), (True, 0), (3.0, 3), ("5", 0), (None, 0)])
def test_counts_of_any_type(value: object, count: int) -> None:
    assert count_of({"n": value}, "n") == count
