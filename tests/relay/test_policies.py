"""What is paid for calls that do not come to their end, held against the vendor's own meter."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from entrepot.billing.receipt import Receipt
from entrepot.buckets.record import Progress, decode
from entrepot.buckets.verify import verify
from entrepot.core.http import Timeouts
from entrepot.core.money import parse_usd
from entrepot.core.route import Disconnect
from entrepot.relay import forward, pulse
from entrepot.snapshot.model import Group
from entrepot.snapshot.prices import PriceRow, price_table
from tests.connections import Wire
from tests.metered import Metered, MeteredVendor, running_metered
from tests.relays import RelayUnderTest, channel, running_relay

# 1 USD per 1 M tokens in, 1,000 USD per 1 M tokens out.
DEAR = price_table({"*": [PriceRow("input", parse_usd("1")), PriceRow("output", parse_usd("1000"))]})
ASK = [{"role": "user", "content": "Tell me a story about a lighthouse and the sea."}]


ORDINARY = Group(1, "default")


@contextlib.asynccontextmanager
async def running(
    policy: Disconnect = "cancel", *, group: Group = ORDINARY, usd: str = "10"
) -> AsyncIterator[tuple[RelayUnderTest, MeteredVendor]]:
    async with running_metered() as vendor:
        patient = Timeouts(first_byte=20.0, idle=20.0, total=30.0)
        to = channel(vendor.base_url, provider="compatible", models=("m-*",), timeouts=patient)
        async with running_relay([to], prices=DEAR, disconnect=policy, groups=(group,), wallet_usd=usd) as relay:
            yield relay, vendor
            assert (await verify(relay.buckets.flusher.db)).ok


async def called(
    relay: RelayUnderTest, vendor: MeteredVendor, model: str, *, stream: bool, leave: float | None = None
) -> tuple[Receipt, Metered, Wire]:
    """A call whose client leaves after some seconds (None: it stays): the receipt, the vendor's books, what the client got."""
    wire, body = Wire(), {"model": model, "messages": ASK, "stream": stream}
    call = relay.start(body, wire)
    if leave is not None:
        await asyncio.sleep(leave)
        wire.leave()
    await call
    return await relay.receipt(relay.records[-1].id), await vendor.over(), wire


def cost(receipt: Receipt) -> int:
    """The tokens on the receipt at the prices, by hand."""
    usage = receipt.usage
    return usage.get("input", 0) * 1_000 + (usage.get("output", 0) + usage.get("reasoning", 0)) * 1_000_000


def words(wire: Wire) -> int:
    """Tokens that reached the client."""
    return wire.body.count(b'" abc"')


@pytest.mark.parametrize("policy", ["cancel", "free-if-empty"])
async def test_a_stream_that_is_left_stops_the_vendor_and_bills_what_was_delivered(policy: Any) -> None:
    async with running(policy) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-2000", stream=True, leave=0.3)
        assert (books.ended, receipt.status, receipt.basis, receipt.disconnect) == ("cut", "client_left", "counted", policy)
        assert 20 < words(wire) < 1000, "it was stopped long before its end"
        assert words(wire) <= receipt.usage["output"] <= books.written <= words(wire) + 100
        assert receipt.usage["output"] - words(wire) <= 2, "what was delivered, not what was written meanwhile"
        assert parse_usd(receipt.charge) == cost(receipt)
        assert not receipt.waived


@pytest.mark.parametrize(("policy", "free"), [("cancel", False), ("free-if-empty", True)])
@pytest.mark.parametrize("head", [True, False])
async def test_a_stream_that_is_left_before_any_content(
    policy: Any, free: bool, head: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The vendor thinks in silence. Its head is held back, or (`head`) has gone to the client: the prompt is due either way."""
    monkeypatch.setattr(forward, "HOLD_SECONDS", 0.05 if head else 10)
    async with running(policy) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-100-think1000", stream=True, leave=0.3)
        assert (books.ended, books.written, bool(wire.messages)) == ("cut", 0, head)
        assert 0 < books.thought < 1000
        assert (receipt.basis, list(receipt.usage)) == ("counted", ["input"])
        assert 0.5 < receipt.usage["input"] / books.prompt < 1.5
        due = (receipt.waived if free else receipt.charge) or ""
        assert parse_usd(str(due)) == cost(receipt) > 0
        assert (receipt.charge == "0") is free


@pytest.mark.parametrize("policy", ["cancel", "free-if-empty"])
async def test_a_whole_answer_that_is_left_before_the_vendor_answers_is_free(policy: Any) -> None:
    async with running(policy) as (relay, vendor):
        receipt, books, _ = await called(relay, vendor, "m-1000", stream=False, leave=0.2)
        assert (books.ended, books.written < 1000) == ("cut", True)
        assert (receipt.status, receipt.charge, receipt.basis, receipt.usage) == ("client_left", "0", "none", {})


@pytest.mark.parametrize(("policy", "free"), [("cancel", False), ("free-if-empty", True)])
async def test_a_whole_answer_that_is_left_when_its_head_was_there_costs_the_prompt(policy: Any, free: bool) -> None:
    async with running(policy) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-1000-head", stream=False, leave=0.2)
        assert (books.ended, books.written < 1000, wire.messages) == ("cut", True, [])
        assert list(receipt.usage) == ["input"]
        assert (receipt.charge == "0") is free
        assert parse_usd(str(receipt.waived if free else receipt.charge)) == cost(receipt)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("leave", [0.05, 0.15])
async def test_drain_reads_on_and_bills_what_the_vendor_bills(stream: bool, leave: float) -> None:
    async with running("drain") as (relay, vendor):
        receipt, books, _ = await called(relay, vendor, "m-80-think40", stream=stream, leave=leave)
        assert (books.ended, books.written, books.thought) == ("done", 80, 40)
        assert (receipt.basis, receipt.disconnect) == ("vendor", "drain")
        assert receipt.usage == {"input": books.prompt, "output": 80, "reasoning": 40}
        assert parse_usd(receipt.charge) == cost(receipt)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("policy", "free"), [("cancel", False), ("drain", False), ("free-if-empty", True)])
async def test_a_complete_answer_without_content(stream: bool, policy: Any, free: bool) -> None:
    """All of it was silent reasoning: complete, and the vendor bills it."""
    async with running(policy) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-0-think30", stream=stream)
        assert (wire.status, wire.complete, books.ended, receipt.status) == (200, True, "done", "ok")
        assert receipt.usage == {"input": books.prompt, "reasoning": 30}
        assert (receipt.charge == "0") is free
        assert parse_usd(str(receipt.waived if free else receipt.charge)) == cost(receipt)


@pytest.mark.parametrize("free", [False, True])
async def test_a_vendor_that_dies_after_content(free: bool) -> None:
    async with running(group=Group(1, "default", free_interrupted=free)) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-200-die60", stream=True)
        assert (books.ended, books.written, receipt.status, receipt.basis) == ("died", 60, "interrupted", "counted")
        assert words(wire) == receipt.usage["output"] == 60
        assert (receipt.charge == "0") is free
        assert parse_usd(str(receipt.waived if free else receipt.charge)) == cost(receipt)


@pytest.mark.parametrize("free", [False, True])
async def test_a_whole_answer_that_breaks_is_free_anyway(free: bool) -> None:
    async with running(group=Group(1, "default", free_interrupted=free)) as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-200-die60-head", stream=False)
        assert (books.ended, wire.status, receipt.charge, receipt.usage) == ("died", 502, "0", {})


async def test_a_group_that_forgives_the_vendor_does_not_forgive_the_client() -> None:
    async with running(group=Group(1, "default", free_interrupted=True)) as (relay, vendor):
        receipt, _, _ = await called(relay, vendor, "m-2000", stream=True, leave=0.2)
        assert parse_usd(receipt.charge) == cost(receipt) > 0
    async with running(group=Group(1, "default", free_interrupted=True), usd="1.2") as (relay, vendor):
        receipt, _, wire = await called(relay, vendor, "m-3000", stream=True)
        assert wire.body.endswith(b"[DONE]\n\n")
        assert parse_usd(receipt.charge) == cost(receipt) > parse_usd("1"), "the client's wallet was empty"


@pytest.mark.parametrize(("model", "of_group", "holds"), [("drain", "cancel", "cancel"), ("cancel", None, "cancel")])
async def test_a_groups_policy_goes_before_the_models(model: Any, of_group: Any, holds: str) -> None:
    async with running(model, group=Group(1, "default", disconnect=of_group)) as (relay, vendor):
        receipt, books, _ = await called(relay, vendor, "m-1000", stream=True, leave=0.2)
        assert (receipt.disconnect, books.ended) == (holds, "cut")


@pytest.mark.parametrize("free", [False, True])
async def test_what_a_killed_worker_leaves_on_the_bill(free: bool) -> None:
    """The progress of a stream as its journal has it: a replay settles the last one."""
    async with running(group=Group(1, "default", free_interrupted=free)) as (relay, vendor):
        wire = Wire()
        call = relay.start({"model": "m-1500", "messages": ASK, "stream": True}, wire)
        journal, notes = relay.buckets.flusher.journal, list[Progress]()
        async with asyncio.timeout(10):
            while not notes:
                await asyncio.sleep(0.05)
                notes = [found for entry in journal.read(0) if isinstance(found := decode(entry.payload), Progress)]
        wire.leave()
        await call
        line, charge = notes[-1].line, notes[-1].charges[0][1]
        due = line.prompt_tokens * 1_000 + line.output_tokens * 1_000_000
        assert (charge, line.waived) == ((0, due) if free else (due, 0))
        await vendor.over()


SLICE = 1_024 * 1_000_000
"""nano-USD: what a stream reserves ahead."""


async def held_at_the_end(relay: RelayUnderTest) -> int:
    """What the last call had reserved of its wallet when it ended."""
    rows = await relay.buckets.flusher.db.fetch("SELECT held FROM usage ORDER BY id DESC LIMIT 1")
    return rows[0][0]


async def test_text_that_outruns_its_wallet_ends_within_a_slice_of_zero() -> None:
    async with running(usd="3") as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-20000", stream=True)
        assert (wire.status, wire.complete, books.ended) == (200, True, "cut")
        last, done = wire.body.split(b"\n\n")[-3:-1]
        assert (b'"finish_reason":"length"' in last, done) == (True, b"data: [DONE]")
        assert parse_usd("3") - SLICE < await held_at_the_end(relay) <= parse_usd("3")
        assert words(wire) <= receipt.usage["output"] <= books.written <= words(wire) + 200
        assert parse_usd("3") - SLICE < parse_usd(receipt.charge) == cost(receipt) <= parse_usd("3")


async def test_silent_reasoning_that_outruns_its_wallet_ends_within_a_slice_of_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 1,000 tokens were thought in a second: each beat reserves for what may have been; what is paid is what came.

    Two beats in a row that find nothing are the end: as in life, a beat is less than a slice, and leaves time to lease.
    """
    monkeypatch.setattr(pulse, "SECONDS", 0.3)
    monkeypatch.setattr(pulse, "TOKENS_PER_SECOND", 1_000)
    monkeypatch.setattr(forward, "HOLD_SECONDS", 0.1)
    async with running(usd="2.3") as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-100-think100000", stream=True)
        assert (wire.status, wire.complete, books.ended, books.written) == (200, True, "cut", 0)
        last, done = wire.body.split(b"\n\n")[-3:-1]
        assert (b'"finish_reason":"length"' in last, done) == (True, b"data: [DONE]")
        assert parse_usd("2.3") - SLICE < await held_at_the_end(relay) <= parse_usd("2.3")
        assert 0 < books.thought < 2_300, "no more than the wallet could have paid"
        assert (receipt.status, list(receipt.usage)) == ("interrupted", ["input"])
        assert parse_usd(receipt.charge) == cost(receipt) > 0


async def test_silent_reasoning_before_the_stream_has_begun_is_a_402_and_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "SECONDS", 0.3)
    monkeypatch.setattr(pulse, "TOKENS_PER_SECOND", 20_000)
    async with running(usd="3") as (relay, vendor):
        receipt, books, wire = await called(relay, vendor, "m-100-think100000", stream=True)
        assert (wire.status, books.ended, receipt.charge, receipt.usage) == (402, "cut", "0", {})
        assert b"balance_exhausted" in wire.body
