"""Anthropic's dialect through the relay: failover, names, headers, and money on every way out."""

import asyncio
import json
import time
from datetime import datetime
from typing import Any

import pytest

from entrepot.core.money import format_usd, parse_usd
from entrepot.core.record import Record
from entrepot.core.usage import NOTHING
from entrepot.snapshot.prices import PriceRow, price_table
from tests.connections import Wire
from tests.relay.test_money import settled, wallet_of
from tests.relays import channel, running_relay
from tests.relays import vendor as vendor
from tests.replay import running_replay
from tests.vendors import Vendor, running_sandbox

# USD per 1 M tokens, each kind another: an output token costs a tenth of a cent.
PRICES = {"input": 10, "output": 1000, "cache_read": 1, "cache_write_5m": 12, "cache_write_1h": 20}
DEAR = price_table({"*": [PriceRow(kind, parse_usd(str(usd))) for kind, usd in PRICES.items()]})
STORY = "sandbox/story:500@100000"


def ask(model: str = "sandbox/echo", **fields: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 1000, "messages": [{"role": "user", "content": "Hello there"}], **fields}


def events(wire: Wire) -> list[dict[str, Any]]:
    """What a stream said."""
    return [json.loads(line[6:]) for line in wire.body.split(b"\n") if line.startswith(b"data: ")]


def cost_of(usage: dict[str, Any]) -> int:
    """DEAR by hand, in nano-USD, from Anthropic's usage."""
    return 1000 * (usage["input_tokens"] * 10 + usage["output_tokens"] * 1000 + (usage.get("cache_read_input_tokens") or 0))


async def call(relay: Any, body: dict[str, Any], **how: Any) -> tuple[Wire, Record]:
    return await relay.call(body, **{"operation": "messages"} | how)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", ["529", "500", "lie", "cut=1", "reset=1"])
async def test_another_channel_answers_when_one_fails_before_its_content(vendor: Vendor, fault: str, stream: bool) -> None:
    async with running_sandbox() as other:
        channels = [channel(other, 1, model_map={"sandbox/echo": f"sandbox/echo!{fault}"}), channel(vendor, 2)]
        async with running_relay(channels, prices=DEAR, wallet_usd="10") as relay:
            wire, record = await call(relay, ask(stream=stream))
            assert wire.status == 200
            assert [attempt.channel for attempt in record.attempts] == ["c1", "c2"]
            said = events(wire)[-1]["type"] if stream else json.loads(wire.body)["stop_reason"]
            assert said in ("message_stop", "end_turn")
            assert record.fault is None


async def test_the_name_that_was_asked_for_is_shown(vendor: Vendor) -> None:
    async with running_relay([channel(vendor, models=("claude-*",), model_map={"claude-x": "sandbox/echo"})]) as relay:
        wire, _ = await call(relay, ask("claude-x"))
        assert json.loads(wire.body)["model"] == "claude-x"
        wire, _ = await call(relay, ask("claude-x", stream=True))
        assert events(wire)[0]["message"]["model"] == "claude-x"
        assert vendor.app.seen[-1].json["model"] == "sandbox/echo"


async def test_its_headers_go_on(vendor: Vendor) -> None:
    passed = ((b"anthropic-version", b"2023-01-01"), (b"anthropic-beta", b"a-1,b-2"))
    async with running_relay([channel(vendor)]) as relay:
        await call(relay, ask(), passed=passed)
        seen = dict(vendor.app.seen[-1].headers)
        assert (seen[b"anthropic-version"], seen[b"anthropic-beta"]) == (b"2023-01-01", b"a-1,b-2")


async def test_channels_without_the_operation_are_passed_over(vendor: Vendor) -> None:
    async with running_relay([channel(vendor, 1, provider="openai-compatible"), channel(vendor, 2)]) as relay:
        _, record = await call(relay, ask())
        assert [attempt.channel for attempt in record.attempts] == ["c1"]  # converted: it speaks another chat format
    async with running_relay([channel(vendor, 1, provider="anthropic"), channel(vendor, 2)]) as relay:
        _, record = await call(relay, {"model": "sandbox/embed", "input": "a"}, operation="embeddings")
        assert [attempt.channel for attempt in record.attempts] == ["c2"]
    async with running_relay([channel(vendor, 1, provider="anthropic")]) as relay:
        wire, record = await call(relay, {"model": "sandbox/embed", "input": "a"}, operation="embeddings")
        assert (wire.status, record.attempts) == (503, ())


@pytest.mark.parametrize("stream", [False, True])
async def test_charged_by_kind(vendor: Vendor, stream: bool) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire, record = await call(relay, ask("sandbox/echo!cached=2", stream=stream))
        usage = events(wire)[-2]["usage"] if stream else json.loads(wire.body)["usage"]
        assert record.usage.cache_read == 2
        start = events(wire)[0]["message"]["usage"] if stream else {}
        assert record.charge == cost_of(start | usage) > 0


async def test_advice_is_charged_at_the_advisors_price() -> None:
    """A cheap model may ask a dear one: what that one wrote costs what it costs."""
    cheap = [PriceRow("input", parse_usd("1")), PriceRow("output", parse_usd("5"))]
    prices = price_table({"cheap": cheap, "dear-*": [PriceRow("input", parse_usd("15")), PriceRow("output", parse_usd("75"))]})
    iterations = [
        {"type": "message", "input_tokens": 1000, "output_tokens": 100},
        {"type": "advisor_message", "model": "dear-8", "input_tokens": 2500, "output_tokens": 30},
    ]
    usage = {"input_tokens": 1000, "output_tokens": 100, "iterations": iterations}
    answer = {"type": "message", "model": "cheap", "content": [{"type": "text", "text": "Yes"}], "usage": usage}
    tools = [{"type": "advisor_20260301", "name": "advisor", "model": "dear-8"}]
    async with running_replay() as replay:
        replay.answers["cheap"] = (200, "application/json", json.dumps(answer).encode())
        channels = [channel(f"http://127.0.0.1:{replay.port}", models=("cheap",))]
        async with running_relay(channels, prices=prices, wallet_usd="10") as relay:
            wire, record = await call(relay, ask("cheap", tools=tools))
            assert record.charge == 1000 * (1000 * 1 + 100 * 5 + 2500 * 15 + 30 * 75)
            assert wire.headers[b"x-entrepot-cost"].decode() == format_usd(record.charge)
            assert record.usage.kinds() == {"input": 1000, "output": 100, "dear-8/input": 2500, "dear-8/output": 30}
            assert await settled(relay, await wallet_of(relay)) == parse_usd("10") - record.charge
            row = await relay.buckets.flusher.db.fetch("SELECT tokens, prices, prompt_tokens FROM usage")
            assert json.loads(row[0][0])["dear-8/output"] == 30
            assert json.loads(row[0][1])["dear-8/output"] == parse_usd("75")
            assert row[0][2] == 3500
        async with running_relay(channels, prices=prices, models=("cheap",)) as relay:
            wire, _ = await call(relay, ask("cheap", tools=tools))
            assert (wire.status, json.loads(wire.body)["error"]["type"]) == (403, "permission_error")
            assert (await call(relay, ask("cheap")))[0].status == 200


async def test_a_stream_that_outruns_its_wallet_ends_as_if_its_cap_were_reached(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="1.3") as relay:
        wire, record = await call(relay, ask("sandbox/story:5000@3000", stream=True, max_tokens=32_000))
        said = events(wire)
        kinds = [event["type"] for event in said]
        assert (kinds[0], kinds[-2], kinds[-1]) == ("message_start", "message_delta", "message_stop")
        assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 1
        assert said[-2]["delta"]["stop_reason"] == "max_tokens"
        assert record.fault == "balance_exhausted"
        assert record.usage.basis == "counted"
        assert 0 <= await settled(relay, await wallet_of(relay)) <= parse_usd("0.15")


async def test_a_whole_answer_is_capped_to_what_the_wallet_affords(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="2") as relay:
        thinking = {"type": "enabled", "budget_tokens": 20_000}
        wire, record = await call(relay, ask(STORY, max_tokens=32_000, thinking=thinking))
        sent = vendor.app.seen[-1].json
        assert wire.status == 200
        assert 1024 <= sent["thinking"]["budget_tokens"] < sent["max_tokens"] < 2000
        assert 0 < record.charge <= parse_usd("2")


async def test_a_wallet_too_small_to_think_is_402_and_nothing_is_sent(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.5") as relay:
        thinking = {"type": "enabled", "budget_tokens": 20_000}
        wire, record = await call(relay, ask(max_tokens=32_000, thinking=thinking))
        assert (wire.status, record.charge) == (402, 0)
        assert json.loads(wire.body)["error"]["type"] == "billing_error"
        assert not vendor.app.seen


async def test_a_stream_that_breaks_off_is_charged_what_it_delivered_and_the_vendors_prompt(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire, record = await call(relay, ask(f"{STORY}!cached=2!cut=40", stream=True))
        said = events(wire)
        assert said[-1]["type"] == "error"
        start = said[0]["message"]["usage"]
        assert (record.usage.cache_read, record.usage.input) == (2, start["input_tokens"])
        assert 20 < record.usage.output < 60
        assert record.charge == cost_of(start | {"output_tokens": record.usage.output})


@pytest.mark.parametrize("fault", ["529", "401", "lie", "reset=1", "cut=1", "empty"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_gave_nothing_costs_nothing(vendor: Vendor, fault: str, stream: bool) -> None:
    """Not even where a message_start with usage had come."""
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire, record = await call(relay, ask(stream=stream), fault=fault)
        assert wire.status >= 400
        assert json.loads(wire.body)["type"] == "error"
        assert (record.charge, record.usage) == (0, NOTHING)


async def test_two_hundred_streams_share_a_wallet_without_overdraft(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="3") as relay:
        wires = [Wire() for _ in range(200)]
        body = ask("sandbox/story:100@100000", stream=True)
        await asyncio.gather(*(relay.start(body, wire, operation="messages") for wire in wires))
        assert {wire.status for wire in wires} <= {200, 402, 429}
        assert 0 < sum(record.charge for record in relay.records) <= parse_usd("3")


async def test_a_keys_rate_is_told_in_anthropics_words(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], rpm=1, tpm=100_000) as relay:
        first, _ = await call(relay, ask())
        assert (first.status, first.headers[b"anthropic-ratelimit-requests-remaining"]) == (200, b"0")
        refused, _ = await call(relay, ask())
        assert (refused.status, json.loads(refused.body)["error"]["type"]) == (429, "rate_limit_error")
        for wire in (first, refused):
            reset = datetime.fromisoformat(wire.headers[b"anthropic-ratelimit-requests-reset"].decode())
            assert 50 < reset.timestamp() - time.time() < 62
            assert wire.headers[b"anthropic-ratelimit-tokens-limit"] == b"100000"
            assert not [name for name in wire.headers if name.startswith(b"x-ratelimit")]


async def test_counting_is_free_even_with_an_empty_wallet(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0") as relay:
        wire, record = await call(relay, ask(), operation="count_tokens")
        assert (wire.status, record.charge) == (200, 0)
        assert json.loads(wire.body)["input_tokens"] > 0
        assert b"x-entrepot-basis" not in wire.headers


async def test_we_count_where_the_vendor_does_not(vendor: Vendor) -> None:
    async with running_relay([channel(vendor, provider="anthropic-compatible")], prices=DEAR, wallet_usd="0") as relay:
        counts = []
        for words in (100, 1000):
            body = ask(messages=[{"role": "user", "content": "word " * words}])
            wire, record = await call(relay, body, operation="count_tokens")
            assert (wire.status, record.status, record.charge, record.attempts) == (200, 200, 0, ())
            assert wire.headers[b"x-entrepot-basis"] == b"counted"
            counts.append(json.loads(wire.body)["input_tokens"])
        assert 100 <= counts[0] <= 150
        assert 1000 <= counts[1] <= 1400
    assert not vendor.app.seen


async def test_a_vendors_refusal_to_count_is_no_reason_to_guess(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, _ = await call(relay, ask(), operation="count_tokens", fault="529")
        assert (wire.status, json.loads(wire.body)["error"]["type"]) == (529, "overloaded_error")
