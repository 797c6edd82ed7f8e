"""The row of a call: what its receipt and every sum are made of."""

import json

from entrepot.billing.prices import PriceBook
from entrepot.billing.rows import line_of
from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage
from entrepot.snapshot.prices import PriceRow, price_table

BOOK = PriceBook(price_table({"*": [PriceRow("input", 1_000), PriceRow("output", 4_000), PriceRow("call", 7)]}))
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


def test_every_fact_has_its_column() -> None:
    quote = BOOK.quote("m", 10)
    assert quote is not None
    line = line_of(RECORD, quote, 500_000)
    assert (line.id, line.day, line.arrived_at, line.stream) == (RECORD.id, "20261120", 1_795_000_000_250_000, 1)
    assert (line.prompt_tokens, line.output_tokens, line.basis) == (12, 6, "vendor")
    assert json.loads(line.tokens) == {"input": 10, "cache_read": 2, "output": 5, "reasoning": 1}
    assert json.loads(line.prices) == {"input": 1_000, "cache_read": 1_000, "output": 4_000, "reasoning": 4_000, "call": 7}
    assert (line.ttft_us, line.total_us, line.ratio_ppm, line.price_book) == (1_500, 20_250, 500_000, BOOK.version)
    assert json.loads(line.attempts)[0]["channel"] == "c"
    assert json.loads(line.dropped) == ["store"]
