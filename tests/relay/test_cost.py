"""What a call costs, told at its end: the number in the event is that of receipt and ledger, and is booked first."""

from decimal import Decimal
from typing import Any

import pytest

from entrepot.core.money import format_usd, parse_usd
from entrepot.kit import json
from entrepot.snapshot.prices import PriceRow, price_table
from tests.connections import Wire
from tests.relays import RelayUnderTest, channel, running_relay
from tests.relays import vendor as vendor
from tests.replay import running_replay
from tests.vendors import Vendor

PRICES = price_table({"*": [PriceRow("input", parse_usd("0.15")), PriceRow("output", parse_usd("0.6"))]})
WANTED = {"stream": True, "stream_options": {"include_usage": True}}


def ask(model: str = "sandbox/echo", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def events(body: bytes) -> list[dict[str, Any]]:
    return [json.decode(line[6:]) for line in body.split(b"\n\n") if line.startswith(b"data: {")]


async def booked(relay: RelayUnderTest, request_id: str) -> tuple[str, int]:
    """The receipt's charge, and what the ledger has of all calls."""
    charge = (await relay.receipt(request_id)).charge
    ((total,),) = await relay.buckets.flusher.db.fetch("SELECT CAST(SUM(amount) AS BIGINT) FROM ledger WHERE kind = 'usage'")
    return charge, -total


class Watching(Wire):
    """Looks at the desk in the moment in which the cost goes out."""

    def __init__(self) -> None:
        super().__init__()
        self.relay: RelayUnderTest
        self.seen: list[tuple[int, int]] = []

    def write(self, body: bytes, *, more: bool) -> None:
        if b'"cost":' in body:
            self.seen.append((self.relay.buckets.holds, self.relay.buckets.lag))
        super().write(body, more=more)


@pytest.mark.parametrize("operation", ["chat", "completions"])
async def test_event_receipt_and_ledger_agree_and_the_journal_comes_first(vendor: Vendor, operation: Any) -> None:
    async with running_relay([channel(vendor)], prices=PRICES, wallet_usd="1") as relay:
        wire = Watching()
        wire.relay = relay
        body = ask("sandbox/story:40@100000", **WANTED)
        if operation == "completions":
            body = {"model": "sandbox/story:40@100000", "prompt": "Hello", "max_tokens": 40, **WANTED}
        await relay.start(body, wire, operation=operation)
        record = relay.records[-1]
        last = events(wire.body)[-1]
        assert wire.body.endswith(b"data: [DONE]\n\n")
        assert last["choices"] == []
        assert isinstance(last["usage"]["cost"], float)
        assert b'"cost":' + format_usd(record.charge).encode() in wire.body
        assert record.charge == record.usage.prompt_total * 150 + 40 * 600
        assert [holds for holds, _ in wire.seen] == [0], "one event, and the hold had ended"
        assert wire.seen[0][1] > 0, "the charge was in the journal, and not yet in the database"
        assert await booked(relay, record.id) == (format_usd(record.charge), record.charge)


async def test_who_does_not_ask_gets_the_vendors_bytes(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=PRICES) as relay:
        plain, _ = await relay.call(ask(stream=True))
        whole, _ = await relay.call(ask())
        assert b"cost" not in plain.body
        assert b"cost" not in whole.body
        assert b"x-entrepot-cost" in whole.headers


async def test_the_switch_leaves_usage_alone(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], prices=PRICES, show_cost=False) as relay:
        wire, _ = await relay.call(ask(**WANTED))
        assert events(wire.body)[-1]["usage"]
        assert b"cost" not in wire.body


def stream(*payloads: str, done: bool = True) -> dict[str, Any]:
    frames = [f"data: {payload}\n\n" for payload in payloads] + ["data: [DONE]\n\n"] * done
    return {"status": 200, "response_sse": "".join(frames)}


TEXT = '{"id":"c","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]%s}'
STOP = '{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]%s}'
AFTER = '{"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]%s}'
USAGE = ',"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":9%s}'
SHAPES = {
    "on the finish chunk": stream(TEXT % "", STOP % (USAGE % (5, 4, ""))),
    "in every chunk": stream(TEXT % (USAGE % (5, 1, "")), TEXT % (USAGE % (5, 2, "")), STOP % (USAGE % (5, 4, ""))),
    "after the finish chunk, with choices and a cost": stream(
        TEXT % "", STOP % "", AFTER % (USAGE % (5, 4, ',"cost":0.9,"cost_details":{"upstream_inference_cost":0.8}'))
    ),
    "without an end mark": stream(TEXT % "", STOP % (USAGE % (5, 4, "")), done=False),
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_vendors_put_usage_in_many_places(shape: str) -> None:
    """All of it comes in one read: the usage and what is around it."""
    async with running_replay() as replay:
        sent = replay.add("vendor-model", SHAPES[shape])
        to = channel(f"http://127.0.0.1:{replay.port}/v1", provider="compatible", models=("vendor-model",))
        async with running_relay([to], prices=PRICES, wallet_usd="1") as relay:
            wire, record = await relay.call(ask("vendor-model", **WANTED))
            got, given = events(wire.body), events(sent)
            assert record.charge == 5 * 150 + 4 * 600
            assert Decimal(str(got[-1]["usage"]["cost"])) == Decimal(format_usd(record.charge))
            assert "cost_details" not in got[-1]["usage"]
            for event in (got[-1], given[-1]):
                event["usage"] = {name: count for name, count in event["usage"].items() if not name.startswith("cost")}
            assert got == given, "nothing else changed, and nothing changed places"
            assert wire.body.endswith(b"[DONE]\n\n") == sent.endswith(b"[DONE]\n\n")
            assert await booked(relay, record.id) == (format_usd(record.charge), record.charge)


async def test_what_the_operator_pays_is_no_business_of_the_client() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, "cost": 0.9, "cost_details": {"x": 0.8}}
    answer = {"choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": usage}
    async with running_replay() as replay:
        replay.add("vendor-model", {"status": 200, "response_json": answer})
        to = channel(f"http://127.0.0.1:{replay.port}/v1", provider="compatible", models=("vendor-model",))
        async with running_relay([to], prices=PRICES) as relay:
            wire, record = await relay.call(ask("vendor-model"))
            usage = json.decode(wire.body)["usage"]
            assert wire.headers[b"content-length"] == str(len(wire.body)).encode()
            assert usage == {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9, "cost": record.charge / 1e9}


async def test_a_vendor_that_breaks_behind_its_usage(vendor: Vendor) -> None:
    """Role, two tokens, finish, usage, then a cut in place of [DONE]: the cost is told before the error."""
    async with running_relay([channel(vendor)], prices=PRICES, wallet_usd="1") as relay:
        wire, record = await relay.call(ask("sandbox/story:2@0", **WANTED), fault="cut=5")
        assert (record.outcome, record.charge > 0) == ("interrupted", True)
        usage, error = events(wire.body)[-2:]
        assert Decimal(str(usage["usage"]["cost"])) == Decimal(format_usd(record.charge))
        assert "error" in error
