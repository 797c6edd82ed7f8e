"""One line a call: all that an operator asks for, and nothing that must not be there."""

import os

import pytest

from entrepot.kit import json
from entrepot.kit.ids import mint_key
from entrepot.observe.calls import CallLog, encode


def test_a_line(record) -> None:
    line = encode(record())
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json.decode(line) == {
        "event": "call",
        "time": "2027-01-15T08:00:00.125000Z",
        "id": "req_20261120abcdefg0123456789",
        "client_id": "client-1",
        "key_id": 4,
        "key_name": "app",
        "user_id": 3,
        "group": "default",
        "operation": "chat",
        "dialect": "openai_chat",
        "model": "gpt-4o",
        "upstream_model": "gpt-4o-2026",
        "channel": "north",
        "provider": "openai",
        "stream": True,
        "status": 200,
        "outcome": "ok",
        "fault": None,
        "attempts": [
            {"channel": "south", "status": 503, "ms": 12.3, "fault": "vendor_overloaded"},
            {"channel": "north", "status": 200, "ms": 456.8, "fault": None},
        ],
        "ttft_ms": 210.0,
        "total_ms": 1234.6,
        "tokens": {"input": 10, "cache_read": 5, "output": 20, "reasoning": 1},
        "basis": "vendor",
        "bytes_in": 1000,
        "bytes_out": 2000,
        "dropped": ["logit_bias"],
    }


def test_every_member_is_there_for_a_call_that_was_refused_at_once(record) -> None:
    nothing = dict.fromkeys(("client_id", "key_id", "key_name", "user_id", "group", "channel", "channel_id", "provider"))
    refused = record(**nothing, upstream_model=None, model="", attempts=(), ttft_ms=None, status=401, outcome="refused")
    assert set(json.decode(encode(refused))) == set(json.decode(encode(record())))


def test_a_key_that_a_client_put_in_the_wrong_place_is_not_written(record) -> None:
    secret = mint_key()
    for field in ("model", "client_id", "key_name", "upstream_model"):
        line = encode(record(**{field: secret}))
        assert secret.encode() not in line
        assert secret[-10:].encode() not in line


def test_the_clients_address_is_not_written(record) -> None:
    assert b"203.0.113.7" not in encode(record())


def test_what_a_client_wrote_is_bounded_and_stays_on_its_line(record) -> None:
    line = encode(record(model="a\nb\udc80" * 5000))
    assert len(line) < 2000
    assert line.count(b"\n") == 1
    assert json.decode(line)["model"].startswith("a\nb?")


def test_the_log_writes_lines_and_counts_losses(record) -> None:
    reading, writing = os.pipe()
    log = CallLog(writing)
    for number in range(3):
        log.observe(record(id=f"req_{number}"))
    log.close()
    os.close(writing)
    with os.fdopen(reading, "rb") as lines:
        assert [json.decode(line)["id"] for line in lines] == ["req_0", "req_1", "req_2"]
    assert (log.dropped, log.waiting) == (0, 0)


@pytest.mark.parametrize("calls", [3000])
def test_a_stalled_standard_output_costs_lines_not_calls(record, calls: int) -> None:
    reading, writing = os.pipe()
    log = CallLog(writing, limit=500)
    one = record()
    for _ in range(calls):
        log.observe(one)
    assert log.waiting <= 500
    assert log.dropped >= calls - 500 - 2 * 65_536 // len(encode(one))
    log.close(patience=0.1)
    os.close(reading)
    os.close(writing)
