"""Money through the relay: no overdraft, nothing charged for nothing, streams that end with their wallet."""

import asyncio
import json
import re
from typing import Any

import pytest

from entrepot.buckets.verify import verify
from entrepot.core.money import format_usd, parse_usd
from entrepot.relay import forward, pulse
from entrepot.snapshot.prices import PriceRow, price_table
from tests.buckets.desks import refused
from tests.connections import Wire
from tests.relays import RelayUnderTest, channel, running_relay
from tests.relays import vendor as vendor
from tests.vendors import Vendor

# 1 USD per 1 M tokens in, 1,000 USD per 1 M tokens out: an output token costs a tenth of a cent.
DEAR = price_table({"*": [PriceRow("input", parse_usd("1")), PriceRow("output", parse_usd("1000"))]})
PER_CALL = price_table({"*": [PriceRow("call", parse_usd("0.05")), PriceRow("input", 0)]})


def ask(model: str = "sandbox/echo", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


async def settled(relay: RelayUnderTest, bucket: int) -> int:
    """What is left of a bucket when everything is in the database."""
    async with asyncio.timeout(5):
        while relay.buckets.lag:
            await asyncio.sleep(0.05)
    balance = await relay.buckets.balance(bucket)
    assert balance is not None
    return balance.total


async def wallet_of(relay: RelayUnderTest) -> int:
    rows = await relay.buckets.flusher.db.fetch("SELECT id FROM buckets WHERE kind = 'wallet'")
    return rows[0][0]


def cost_of(usage: dict[str, Any]) -> int:
    """DEAR by hand: nano-USD."""
    return usage["prompt_tokens"] * 1_000 + usage["completion_tokens"] * 1_000_000


async def test_a_whole_answer_is_charged_what_it_says(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire, record = await relay.call(ask(max_tokens=100))
        charge = cost_of(json.loads(wire.body)["usage"])
        assert record.charge == charge > 0
        assert wire.headers[b"x-entrepot-cost"].decode() == format_usd(charge)
        assert await settled(relay, await wallet_of(relay)) == parse_usd("10") - charge


async def test_streamed_and_whole_cost_the_same(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        _, whole = await relay.call(ask("sandbox/story:30@100000", seed=1))
        _, streamed = await relay.call(ask("sandbox/story:30@100000", seed=1, stream=True))
        assert whole.charge == streamed.charge > 0


async def test_an_empty_wallet_is_402_and_nothing_is_sent(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.001") as relay:
        for stream in (False, True):
            wire, record = await relay.call(ask(stream=stream))
            error = json.loads(wire.body)["error"]
            assert (wire.status, error["code"], error["type"]) == (402, "insufficient_quota", "insufficient_quota")
            assert wire.headers[b"x-should-retry"] == b"false"
            assert record.charge == 0
        assert len(vendor.app.seen) == 0


async def test_an_account_without_a_wallet_has_no_balance(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet=0) as relay:
        assert (await relay.call(ask()))[0].status == 402


async def test_a_model_without_a_price_is_refused_but_not_to_the_house(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], wallet_usd="5") as relay:
        wire, _ = await relay.call(ask())
        assert (wire.status, json.loads(wire.body)["error"]["code"]) == (503, "model_not_priced")
    async with running_relay([channel(vendor)]) as house:
        assert (await house.call(ask()))[0].status == 200


async def test_a_whole_answer_is_capped_to_what_the_balance_affords(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.5") as relay:
        wire, record = await relay.call(ask("sandbox/story:50@100000"))
        sent = vendor.app.seen[-1].json
        assert wire.status == 200
        assert 64 <= sent["max_tokens"] < 500
        assert wire.headers[b"x-entrepot-max-output"] == str(sent["max_tokens"]).encode()
        assert 0 < record.charge <= parse_usd("0.5")


async def test_who_has_enough_is_never_capped_and_an_honest_vendor_never_costs_the_house(vendor: Vendor) -> None:
    """A model that writes 6,000 tokens, far more than 4,096; the wallet pays for two such answers and a little."""
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="12.5", max_output=6_000) as relay:
        wires = [Wire() for _ in range(2)]
        await asyncio.gather(*(relay.start(ask("sandbox/story:6000@0"), wire) for wire in wires))
        for seen, wire in zip(vendor.app.seen, wires, strict=True):
            assert not {"max_tokens", "max_completion_tokens"} & set(seen.json)
            assert (wire.status, json.loads(wire.body)["usage"]["completion_tokens"]) == (200, 6_000)
            assert b"x-entrepot-max-output" not in wire.headers
        left = await settled(relay, await wallet_of(relay))
        assert 0 < left < parse_usd("0.5")
        last, _ = await relay.call(ask("sandbox/story:6000@0"))
        assert json.loads(last.body)["choices"][0]["finish_reason"] == "length"
        assert await settled(relay, await wallet_of(relay)) >= 0
        assert not await relay.buckets.flusher.db.fetch("SELECT 1 FROM ledger WHERE kind = 'shortfall'")
        assert (await verify(relay.buckets.flusher.db)).ok


@pytest.mark.parametrize(
    ("provider", "operation", "own", "field"),
    [
        ("openai", "chat", {}, "max_completion_tokens"),
        ("openai", "chat", {"max_tokens": 9000}, "max_tokens"),
        ("openai", "completions", {}, "max_tokens"),
        ("compatible", "chat", {}, "max_tokens"),
        ("deepseek", "chat", {"max_completion_tokens": 9000}, "max_completion_tokens"),
    ],
)
async def test_a_lowered_cap_has_the_name_that_the_client_or_the_vendor_uses(
    vendor: Vendor, provider: str, operation: Any, own: dict[str, int], field: str
) -> None:
    async with running_relay([channel(vendor, provider=provider)], prices=DEAR, wallet_usd="0.5") as relay:
        body = ask("sandbox/echo") if operation == "chat" else {"model": "sandbox/echo", "prompt": "Hello"}
        wire, _ = await relay.call(body | own, operation=operation)
        sent = vendor.app.seen[-1].json
        assert wire.status == 200
        assert {"max_tokens", "max_completion_tokens"} & set(sent) == {field}
        assert sent[field] < 500


@pytest.mark.parametrize("fault", ["500", "429", "401", "lie", "reset", "empty", "400"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_gave_nothing_costs_nothing(vendor: Vendor, fault: str, stream: bool) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire, record = await relay.call(ask(stream=stream), fault=fault)
        assert wire.status >= 400
        assert record.charge == 0
        assert await settled(relay, await wallet_of(relay)) == parse_usd("10")


async def test_no_overdraft_by_two_hundred_calls_at_once(vendor: Vendor) -> None:
    """A balance for 20 calls, 200 calls at once: 20 are answered, and the wallet is at zero, not below."""
    async with running_relay([channel(vendor)], prices=PER_CALL, wallet_usd="1") as relay:
        wires = [Wire() for _ in range(200)]
        await asyncio.gather(*(relay.start(ask(), wire) for wire in wires))
        statuses = [wire.status for wire in wires]
        while 429 in statuses:  # held by others at that moment: the client tries again, as it is told
            again = [Wire() for status in statuses if status == 429]
            await asyncio.gather(*(relay.start(ask(), wire) for wire in again))
            statuses = [status for status in statuses if status != 429] + [wire.status for wire in again]
        assert statuses.count(200) == 20
        assert statuses.count(402) == 180
        assert await settled(relay, await wallet_of(relay)) == 0
        report = await verify(relay.buckets.flusher.db)
        assert report.ok, report


async def test_a_key_quota_limits_beside_the_wallet(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=PER_CALL, wallet_usd="10", quota_usd="0.10") as relay:
        assert [(await relay.call(ask()))[0].status for _ in range(3)] == [200, 200, 402]
        assert await settled(relay, await wallet_of(relay)) == parse_usd("9.9")


async def test_a_stream_that_outruns_its_wallet_ends_well_formed(vendor: Vendor) -> None:
    """3 USD pay for about 3,000 tokens of 10,000; 1,024 are held ahead."""
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="3") as relay:
        wire, record = await relay.call(ask("sandbox/story:10000@20000", stream=True))
        assert (wire.status, wire.complete, record.fault) == (200, True, "balance_exhausted")
        frames = re.findall(rb"data: (.*)\n\n", wire.body)
        assert frames[-1] == b"[DONE]"
        last = json.loads(frames[-2])
        assert last["choices"][0]["finish_reason"] == "length"
        assert last["id"] == json.loads(frames[0])["id"]
        assert b'"error"' not in wire.body
        left = await settled(relay, await wallet_of(relay))
        assert 0 <= left <= parse_usd("0.3"), "far less than a slice of 1,024 tokens"
        assert (await verify(relay.buckets.flusher.db)).ok
        await vendor.until(lambda app: app.open_streams == 0)


async def test_a_client_that_leaves_pays_for_what_was_delivered(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:5000@200", stream=True), wire)
        await asyncio.sleep(0.6)
        wire.leave()
        await running
        record = relay.records[-1]
        assert record.usage.basis == "counted"
        assert parse_usd("0.03") < record.charge < parse_usd("0.4")
        assert await settled(relay, await wallet_of(relay)) == parse_usd("10") - record.charge
        await vendor.until(lambda app: app.open_streams == 0)


async def test_drain_reads_on_and_bills_the_true_usage(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10", disconnect="drain") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:100@200", stream=True), wire)
        await asyncio.sleep(0.2)
        wire.leave()
        await running
        record = relay.records[-1]
        assert (record.usage.basis, record.usage.output_total) == ("vendor", 100)
        assert vendor.app.finished == 1
        assert record.charge == cost_of({"prompt_tokens": record.usage.prompt_total, "completion_tokens": 100})


async def test_a_vendor_that_dies_in_mid_stream_is_paid_for_what_it_gave(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        _, record = await relay.call(ask("sandbox/story:200@2000", stream=True), fault="cut=100")
        assert (record.outcome, record.usage.basis) == ("interrupted", "counted")
        assert parse_usd("0.05") < record.charge < parse_usd("0.2")
        assert await settled(relay, await wallet_of(relay)) == parse_usd("10") - record.charge


async def test_a_bill_above_the_hold_is_paid_by_the_wallet_or_the_house(vendor: Vendor) -> None:
    """The vendor ignores max_tokens: what the wallet lacks is the house's shortfall, and no balance goes below zero."""
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.12") as relay:
        wire, record = await relay.call(
            ask("sandbox/echo", max_tokens=70, messages=[{"role": "user", "content": "word " * 400}])
        )
        if wire.status == 200:
            assert record.charge > 0
        assert await settled(relay, await wallet_of(relay)) >= 0
        assert (await verify(relay.buckets.flusher.db)).ok


async def test_every_call_leaves_a_row_that_explains_its_charge(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        _, paid = await relay.call(ask(max_tokens=100))
        _, refused = await relay.call(ask("no-such"))
        await settled(relay, await wallet_of(relay))
        rows = await relay.buckets.flusher.db.fetch(
            "SELECT id, charge, prices, ratio_ppm, outcome, price_book FROM usage ORDER BY arrived_at"
        )
        assert [row[0] for row in rows] == [paid.id, refused.id]
        assert rows[0][1] == paid.charge
        assert json.loads(rows[0][2])["output"] == parse_usd("1000")
        assert rows[0][5] == DEAR.version
        assert (rows[1][1], rows[1][4]) == (0, "refused")


async def test_silence_costs_too(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor that thinks in silence: the hold grows with time, and the answer ends when the wallet cannot pay for more."""
    monkeypatch.setattr(pulse, "SECONDS", 0.1)
    monkeypatch.setattr(pulse, "TOKENS_PER_SECOND", 5_000)
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="2.5") as relay:
        async with asyncio.timeout(5):
            wire, record = await relay.call(ask("sandbox/story:100@1000", stream=True), fault="stall=20")
        assert record.fault == "balance_exhausted"
        assert wire.body.endswith(b"data: [DONE]\n\n")
        assert 0 < record.charge < parse_usd("0.1"), "what was delivered, not what was feared"
        assert await settled(relay, await wallet_of(relay)) == parse_usd("2.5") - record.charge
        await vendor.until(lambda app: app.open_streams == 0)


async def test_a_list_of_prompts_is_held_for_each(vendor: Vendor) -> None:
    """One request must not be answered two hundred times on a hold for one."""
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.07") as relay:
        body = {"model": "sandbox/echo", "prompt": ["word " * 60] * 200, "max_tokens": 50}
        wire, record = await relay.call(body, operation="completions")
        assert (wire.status, record.charge, len(vendor.app.seen)) == (402, 0, 0)
        few = {"model": "sandbox/echo", "prompt": ["a", "b"], "max_tokens": 20}
        assert (await relay.call(few, operation="completions"))[0].status == 200
        assert await settled(relay, await wallet_of(relay)) >= 0


async def test_both_caps_are_lowered_to_what_the_balance_affords(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.5") as relay:
        wire, _ = await relay.call(ask(max_completion_tokens=1, max_tokens=9000))
        sent = vendor.app.seen[-1].json
        assert wire.status == 200
        assert sent["max_tokens"] == sent["max_completion_tokens"] < 500


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_is_paid_to_its_cap_is_never_cut(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.05)
    monkeypatch.setattr(pulse, "TOKENS_PER_SECOND", 20_000)
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="0.12") as relay:
        body = ask("sandbox/story:100@2000", max_tokens=100, stream=stream)
        wire, record = await relay.call(body, fault="pause=0.6")
        assert (wire.status, record.fault, record.usage.basis) == (200, None, "vendor")
        assert record.charge == cost_of({"prompt_tokens": record.usage.prompt_total, "completion_tokens": 100})


async def test_a_head_without_content_costs_the_prompt(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "HOLD_SECONDS", 0.1)
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="5") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:100@100", stream=True), wire, fault="pause=5")
        await asyncio.sleep(0.4)
        assert wire.status == 200
        wire.leave()
        await running
        record = relay.records[-1]
        assert (record.ttft_ms, record.usage.output_total) == (None, 0)
        assert record.charge == record.usage.prompt_total * 1_000 > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_drain_holds_from_the_moment_the_vendor_has_the_request(vendor: Vendor, stream: bool) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10", disconnect="drain") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:30@1000", stream=stream), wire, fault="slow=0.4")
        await asyncio.sleep(0.2)
        wire.leave()
        await running
        assert relay.records[-1].usage.output_total == 30
        assert relay.records[-1].charge > 0


async def test_a_quota_on_the_house_is_judged_like_any_other(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, quota_usd="0.5") as relay:
        assert (await relay.call(ask("sandbox/story:20@10000")))[0].status == 200, "capped to what the quota affords"
        assert vendor.app.seen[-1].json["max_tokens"] < 500
    async with running_relay([channel(vendor)], prices=DEAR, quota_usd="0.15") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/echo", max_tokens=100), wire, fault="slow=5")
        await vendor.until(lambda app: len(app.seen) >= 2)
        assert (await relay.call(ask(max_tokens=100)))[0].status == 429
        wire.leave()
        await running


@pytest.mark.parametrize("stream", [False, True])
async def test_a_disk_that_refuses_the_charge_loses_neither_answer_nor_money(vendor: Vendor, stream: bool) -> None:
    async with running_relay([channel(vendor)], prices=DEAR, wallet_usd="10") as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:30@200", stream=stream), wire)
        await vendor.until(lambda app: len(app.seen) == 1)
        with refused(relay.buckets.flusher.journal):
            await running
            record = relay.records[-1]
            assert (wire.status, wire.complete, record.outcome, record.usage.output_total) == (200, True, "ok", 30)
            assert b'"error"' not in wire.body
            assert (relay.buckets.owed, (await relay.call(ask()))[0].status) == (1, 503)
        async with asyncio.timeout(5):
            while relay.buckets.owed:
                await asyncio.sleep(0.02)
        assert (await relay.receipt(record.id)).charge == format_usd(record.charge)
        assert await settled(relay, await wallet_of(relay)) == parse_usd("10") - record.charge
        assert (await relay.call(ask()))[0].status == 200
        assert (await verify(relay.buckets.flusher.db)).ok
