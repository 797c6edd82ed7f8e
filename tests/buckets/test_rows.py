"""The row of a call: what its receipt and every sum are made of."""

import json
from typing import Any

import msgspec

from entrepot.buckets.rows import Facts, Line, columns_of
from entrepot.core.record import Attempt, Record
from entrepot.core.usage import NOTHING, TOKEN_KINDS, Basis, Usage

RECORD = Record(
    id="req_2026112001aneb3ra4cgnhh6g",
    operation="chat",
    dialect="openai_chat",
    arrived=1_795_000_000.25,
    status=200,
    outcome="ok",
    fault=None,
    model="m",
    stream=True,
    address="192.0.2.1",
    client_id="mine",
    user_id=2,
    key_id=3,
    key_name="k",
    group="default",
    channel_id=4,
    channel="c",
    provider="p",
    upstream_model="u",
    attempts=(Attempt("c", 4, 5, 200, 12.5),),
    usage=Usage(input=10, cache_read=2, output=5, reasoning=1),
    ttft_ms=1.5,
    total_ms=20.25,
    bytes_in=100,
    bytes_out=200,
    dropped=("store",),
)


def line_of(facts: Facts) -> Line:
    return Line(*columns_of(facts))


def record(**changes: Any) -> Record:
    return msgspec.structs.replace(RECORD, **changes)


def test_every_fact_has_its_column() -> None:
    line = line_of(Facts(RECORD, '{"input":1000}', 500_000, "book"))
    assert (line.id, line.day, line.arrived_at, line.stream) == (RECORD.id, "20261120", 1_795_000_000_250_000, 1)
    assert (line.prompt_tokens, line.output_tokens, line.basis) == (12, 6, "vendor")
    assert json.loads(line.tokens) == {"input": 10, "cache_read": 2, "output": 5, "reasoning": 1}
    assert (line.prices, line.ratio_ppm, line.price_book) == ('{"input":1000}', 500_000, "book")
    assert (line.ttft_us, line.total_us, line.bytes_in, line.bytes_out) == (1_500, 20_250, 100, 200)
    assert (line.user_id, line.key_id, line.group_name, line.channel_id, line.upstream_model) == (2, 3, "default", 4, "u")
    assert (line.operation, line.dialect, line.status, line.outcome, line.fault) == ("chat", "openai_chat", 200, "ok", None)
    assert (line.model, line.address, line.client_id) == ("m", "192.0.2.1", "mine")
    assert json.loads(line.attempts)[0]["channel"] == "c"
    assert json.loads(line.dropped) == ["store"]


def test_tokens_are_named_whoever_counted_them() -> None:
    counted = line_of(Facts(record(usage=Usage(input=3, searches=2, basis=Basis.COUNTED))))
    assert (json.loads(counted.tokens), counted.basis) == ({"input": 3, "searches": 2}, "counted")
    nothing = line_of(Facts(record(usage=NOTHING, dropped=(), ttft_ms=None)))
    assert (nothing.tokens, nothing.prices, nothing.basis, nothing.dropped, nothing.ttft_us) == ("{}", "{}", "none", "[]", None)


def test_other_models_tokens_are_named_apart_and_in_the_totals() -> None:
    line = line_of(Facts(record(usage=Usage(input=3, output=1, others=(("big", Usage(input=100, reasoning=7)),)))))
    assert json.loads(line.tokens) == {"input": 3, "output": 1, "big/input": 100, "big/reasoning": 7}
    assert (line.prompt_tokens, line.output_tokens) == (103, 8)


def test_a_day_of_an_id_that_is_not_ours() -> None:
    assert line_of(Facts(record(id="theirs"))).day == "20261118"


def test_what_journals_hold_keeps_its_order() -> None:
    """A record of yesterday must be read tomorrow: fields are added at the end, with a default, and never moved."""
    assert Record.__struct_fields__[:27] == (
        "id", "operation", "dialect", "arrived", "status", "outcome", "fault", "model", "stream", "address", "client_id",
        "user_id", "key_id", "key_name", "group", "channel_id", "channel", "provider", "upstream_model", "attempts", "usage",
        "ttft_ms", "total_ms", "bytes_in", "bytes_out", "dropped", "charge",
    )  # fmt: skip
    assert Facts.__struct_fields__[:4] == ("record", "prices", "ratio_ppm", "price_book")
    assert Line.__struct_fields__[:3] == ("id", "day", "arrived_at")
    assert (len(Line.__struct_fields__) - len(Line.__struct_defaults__), len(Record.__struct_defaults__) >= 7) == (11, True)
    # Counts are put beside prices by place (billing/charge.py), and a basis that is not the vendor's comes last.
    assert (*TOKEN_KINDS, "basis", "others") == Usage.__struct_fields__
    assert TOKEN_KINDS[-1] == "searches"
