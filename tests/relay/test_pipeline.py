"""How calls run: answers, failover, refusals, ends of every kind; afterwards nothing is left behind."""

import asyncio
from typing import Any

import pytest

from entrepot.core.faults import Kind
from entrepot.core.http import Origin
from entrepot.core.usage import Usage
from entrepot.kit import json
from tests.connections import Wire
from tests.relays import RelayUnderTest, channel, running_relay
from tests.relays import vendor as vendor
from tests.vendors import Vendor, running_sandbox

NOBODY = "http://127.0.0.1:9/v1"


def ask(model: str = "sandbox/echo", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}


def error(wire: Wire) -> dict[str, Any]:
    return json.decode(wire.body)["error"]


async def clean(relay: RelayUnderTest, *vendors: Vendor) -> None:
    """Registry, tasks, vendor connections: as before the call."""
    assert len(relay.registry) == 0
    assert relay.in_use == 0
    for each in vendors:
        await each.until(lambda app: app.open_streams == 0)


async def test_a_whole_answer(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask())
        assert (wire.status, wire.headers[b"content-type"], wire.complete) == (200, b"application/json", True)
        assert int(wire.headers[b"content-length"]) == len(wire.body)
        answer = json.decode(wire.body)
        assert answer["choices"][0]["message"]["content"] == "Hello"
        assert (record.outcome, record.status, record.channel, record.fault) == ("ok", 200, "c1", None)
        assert record.usage.prompt_total == answer["usage"]["prompt_tokens"]
        assert record.usage.output_total == answer["usage"]["completion_tokens"]
        assert [attempt.status for attempt in record.attempts] == [200]
        await clean(relay, vendor)


async def test_a_stream_asks_for_usage_and_keeps_it(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask("sandbox/story:30@10000", stream=True))
        assert wire.headers[b"content-type"].startswith(b"text/event-stream")
        assert wire.body.endswith(b"data: [DONE]\n\n")
        assert b'"choices":[]' not in wire.body, "the usage chunk was ours"
        assert vendor.app.seen[-1].json["stream_options"] == {"include_usage": True}
        assert record.usage.output_total == 30
        assert record.ttft_ms is not None
        assert record.ttft_ms <= record.total_ms
        await clean(relay, vendor)


async def test_unknown_fields_and_their_bytes_reach_the_vendor(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        new = b'{"deep":  [1.50, "\\u00e9", 1e400]}'
        body = b'{"model": "sandbox/echo", "x_new": ' + new + b', "messages": [{"role":"user","content":"Hi"}]}'
        await relay.call(body)
        assert new in vendor.app.seen[-1].body


async def test_a_model_map_is_invisible(vendor: Vendor) -> None:
    mapped = channel(vendor, models=(), model_map={"gpt-4o": "sandbox/echo"})
    async with running_relay([mapped]) as relay:
        for stream in (False, True):
            wire, record = await relay.call(ask("gpt-4o", stream=stream))
            assert b"sandbox/echo" not in wire.body
            assert b'"model":"gpt-4o"' in wire.body
            assert vendor.app.seen[-1].json["model"] == "sandbox/echo"
            assert (record.model, record.upstream_model) == ("gpt-4o", "sandbox/echo")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "fault",
    ["500", "503", "429", "401", "403", "402", "404", "quota", "lie", "empty", "garbage", "reset", "html", "malformed=0"],
)
async def test_what_one_vendor_cannot_another_can(vendor: Vendor, fault: str, stream: bool) -> None:
    async with running_sandbox() as second, running_relay([channel(vendor), channel(second, 2)]) as relay:
        # The fault counts at the first vendor only: `once` is over when the second is asked.
        wire, record = await relay.call(ask(stream=stream), fault=fault + "; id=both")
        if record.outcome != "ok":  # both are told of the fault: the last one's is the answer
            assert [attempt.channel for attempt in record.attempts] == ["c1", "c2"]
            assert wire.status >= 400
        await clean(relay, vendor, second)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["500", "429", "lie", "empty", "garbage", "reset"])
async def test_failover_before_the_first_content(vendor: Vendor, model: str, stream: bool) -> None:
    bad = channel(vendor, models=(), model_map={"m": f"sandbox/echo!{model}"})
    async with running_sandbox() as second:
        good = channel(second, 2, models=(), model_map={"m": "sandbox/echo"})
        async with running_relay([bad, good]) as relay:
            wire, record = await relay.call(ask("m", stream=stream))
            assert (wire.status, record.outcome, record.channel) == (200, "ok", "c2")
            assert [attempt.channel for attempt in record.attempts] == ["c1", "c2"]
            assert record.attempts[0].fault is not None
            assert b"Hello" in wire.body
            await clean(relay, vendor, second)


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("400", 400, Kind.VENDOR_REFUSED),
        ("401", 502, Kind.VENDOR_AUTH),
        ("404", 404, Kind.VENDOR_NOT_FOUND),
        ("429; retry-after=7", 429, Kind.VENDOR_RATE_LIMIT),
        ("500", 502, Kind.VENDOR_ERROR),
        ("503", 503, Kind.VENDOR_OVERLOADED),
        ("lie", 502, Kind.VENDOR_LIED),
        ("garbage", 502, Kind.VENDOR_GARBAGE),
        ("reset", 502, Kind.VENDOR_RESET),
        ("silence", 504, Kind.VENDOR_SILENT),
    ],
)
async def test_each_vendor_fault_has_its_status(vendor: Vendor, fault: str, status: int, kind: Kind) -> None:
    quick = channel(vendor, timeouts=channel(vendor).timeouts.__class__(first_byte=0.3))
    async with running_relay([quick]) as relay:
        wire, record = await relay.call(ask(), fault=fault)
        assert (wire.status, record.fault, record.status) == (status, kind.value, status)
        assert record.usage.output_total == 0
        assert error(wire)["message"]
        if "retry-after" in fault:
            assert wire.headers[b"retry-after"] == b"7"
        await clean(relay, vendor)


async def test_content_that_came_together_with_an_error_is_not_delivered_and_not_counted(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask("sandbox/story:40@100000", stream=True), fault="late-error=5")
        assert (wire.status, record.outcome, record.usage.output_total) == (502, "refused", 0)


async def test_nobody_at_home() -> None:
    async with running_relay([channel(NOBODY)]) as relay:
        wire, record = await relay.call(ask())
        assert (wire.status, record.fault) == (502, "connect_refused")
        async with running_sandbox() as second, running_relay([channel(NOBODY), channel(second, 2)]) as both:
            assert (await both.call(ask()))[0].status == 200


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("cut=5", Kind.VENDOR_TRUNCATED),
        ("stall=5", Kind.VENDOR_STALLED),
        ("late-error=5", Kind.VENDOR_LIED),
        ("reset=5", Kind.VENDOR_RESET),
    ],
)
async def test_a_vendor_that_dies_in_mid_stream(vendor: Vendor, fault: str, kind: Kind) -> None:
    quick = channel(vendor, timeouts=channel(vendor).timeouts.__class__(idle=0.3))
    async with running_sandbox() as second, running_relay([quick, channel(second, 2)]) as relay:
        wire, record = await relay.call(ask("sandbox/story:40@200", stream=True), fault=fault)
        assert (wire.status, wire.complete, record.outcome) == (200, True, "interrupted")
        assert record.fault == kind.value
        assert wire.body.count(b'"error"') == 1, "one error frame: the vendor's own or ours"
        assert len(record.attempts) == 1, "never a second answer after bytes were sent"
        assert record.usage.output_total > 0, "what was delivered is counted"
        await clean(relay, vendor, second)


@pytest.mark.parametrize("fault", ["", "slow=10", "pause=10", "silence", "stall=3"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_client_that_leaves(vendor: Vendor, fault: str, stream: bool) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:500@50", stream=stream), wire, fault=fault)
        await vendor.until(lambda app: len(app.seen) == 1)
        await asyncio.sleep(0.1)
        wire.leave()
        await asyncio.wait_for(running, 2)
        record = relay.records[-1]
        assert (record.outcome, record.fault) == ("client_left", "client_left")
        assert record.attempts[0].fault == "cancelled"
        if stream and not fault:
            assert record.usage.output_total > 0
        await clean(relay, vendor)


async def test_a_drain_ends_a_stream_well_formed(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire = Wire()
        running = relay.start(ask("sandbox/story:5000@50", stream=True), wire)
        await vendor.until(lambda app: len(app.seen) == 1)
        await asyncio.sleep(0.2)
        await asyncio.wait_for(relay.registry.drain(0.1), 5)
        await asyncio.wait_for(running, 1)
        assert wire.complete
        assert b'"error"' in wire.body
        assert (relay.records[-1].outcome, relay.records[-1].fault) == ("interrupted", "draining")
        await clean(relay, vendor)


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"{", 400, "invalid_json", None),
        (b"[1]", 400, None, None),
        (b'{"model":' + b"[" * 5000 + b"]" * 5000 + b"}", 400, "json_too_deep", None),
        ({"messages": []}, 400, None, "model"),
        ({"model": 5, "messages": []}, 400, "invalid_type", "model"),
        ({"model": "sandbox/echo"}, 400, None, "messages"),
        ({"model": "sandbox/echo", "messages": [], "stream": "yes"}, 400, "invalid_type", "stream"),
        ({"model": "no-such", "messages": []}, 404, "model_not_found", "model"),
    ],
)
async def test_bad_input(vendor: Vendor, body: Any, status: int, code: str | None, param: str | None) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(body)
        assert wire.status == status
        assert error(wire)["type"] == "invalid_request_error"
        assert error(wire)["param"] == param
        if code:
            assert error(wire)["code"] == code
        assert (record.outcome, len(vendor.app.seen)) == ("refused", 0)


async def test_keys(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], models=("sandbox/story*",)) as relay:
        for secret, status in ((None, 401), ("sk-nobody", 401)):
            wire, _ = await relay.call(ask(), secret=secret)
            assert wire.status == status
        wire, record = await relay.call(ask())
        assert (wire.status, error(wire)["code"], record.key_id) == (403, "model_not_allowed", 1)
        assert len(vendor.app.seen) == 0


async def test_a_defect_of_ours_is_a_500_without_its_details(vendor: Vendor) -> None:
    broken = channel(vendor, provider="no-such-provider")
    async with running_relay([broken]) as relay:
        wire, record = await relay.call(ask())
        assert (wire.status, error(wire)["code"], record.fault) == (500, "internal_error", "internal")
        assert b"no-such-provider" not in wire.body
        await clean(relay)


async def test_other_operations(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call({"model": "sandbox/embed", "input": "a"}, operation="embeddings")
        assert json.decode(wire.body)["data"][0]["embedding"]
        assert record.usage == Usage(input=json.decode(wire.body)["usage"]["prompt_tokens"])
        wire, _ = await relay.call({"model": "sandbox/moderate", "input": "a"}, operation="moderations")
        assert json.decode(wire.body)["results"]
        wire, _ = await relay.call({"model": "sandbox/echo", "prompt": "a"}, operation="completions")
        assert json.decode(wire.body)["choices"][0]["text"]


async def test_an_answer_larger_than_what_is_kept_whole(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask(), fault="big=9000000")
        assert (wire.status, wire.complete, record.outcome) == (200, True, "ok")
        answer = json.decode(wire.body)
        assert len(answer["choices"][0]["message"]["content"]) > 9_000_000
        assert record.usage.output_total == answer["usage"]["completion_tokens"]


async def test_an_answer_without_usage_is_counted(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        _, record = await relay.call(ask("sandbox/story:50@10000", stream=True), fault="no-usage")
        assert record.usage.basis == "counted"
        assert 25 <= record.usage.output_total <= 100


async def test_a_thousand_clients_that_leave(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        before = len(asyncio.all_tasks())
        for _ in range(10):
            wires = [Wire() for _ in range(100)]
            running = [relay.start(ask("sandbox/story:1000@20", stream=True), wire) for wire in wires]
            await asyncio.sleep(0.15)
            for wire in wires:
                wire.leave()
            await asyncio.wait_for(asyncio.gather(*running), 5)
        assert len(relay.records) == 1000
        assert {record.outcome for record in relay.records} == {"client_left"}
        await clean(relay, vendor)
        assert len(asyncio.all_tasks()) <= before + 2


async def test_the_end_of_a_stream_is_its_done_not_the_vendors_close(vendor: Vendor) -> None:
    """A client that leaves at [DONE], as the SDK does, has its answer; a vendor that lingers holds nobody up."""
    async with running_relay([channel(vendor)]) as relay:
        wire = Wire()
        seen = asyncio.Event()
        write = wire.write

        def write_and_leave(body: bytes, *, more: bool) -> None:
            write(body, more=more)
            if b"[DONE]" in body:
                seen.set()
                wire.leave()

        wire.write = write_and_leave  # type: ignore[method-assign]
        await relay.start(ask("sandbox/story:20@100", stream=True), wire)
        assert seen.is_set()
        assert relay.records[-1].outcome == "ok"
        assert wire.complete


@pytest.mark.parametrize("stream", [False, True])
async def test_what_only_the_operator_may_know_stays_here(vendor: Vendor, stream: bool) -> None:
    """A vendor that repeats its key, its host and its own name for the model in a refusal."""
    told = f"key {vendor.secret} of 127.0.0.1 may not use sandbox/secret-model"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        body = json.encode({"error": {"message": told, "type": "invalid_request_error"}})
        writer.write(b"HTTP/1.1 400 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    mapped = channel(vendor, models=(), model_map={"m": "sandbox/secret-model"}, origin=Origin("http", "127.0.0.1", port))
    async with running_relay([mapped]) as relay:
        wire, _ = await relay.call(ask("m", stream=stream))
        assert wire.status == 400
        for secret in (vendor.secret or "", "127.0.0.1", "secret-model"):
            assert secret.encode() not in wire.body
    server.close()


async def test_a_refusal_whose_body_never_ends_is_still_that_refusal(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask(), fault="429; retry-after=3; slowdrip=20")
        assert (wire.status, record.fault, record.attempts[0].status) == (429, "vendor_rate_limit", 429)
        assert wire.headers[b"retry-after"] == b"3"
        assert record.total_ms < 4000


async def test_delivered_content_is_charged_whatever_ends_it(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        _, record = await relay.call(ask("sandbox/story:60@300", stream=True), fault="late-error=30")
        assert record.usage.output_total > 0
        assert record.usage.prompt_total > 0, "the prompt was read by the vendor, too"
        assert record.usage.basis == "counted"


async def test_a_keys_rate_is_kept_and_told(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], rpm=3) as relay:
        first, _ = await relay.call(ask())
        assert first.headers[b"x-ratelimit-limit-requests"] == b"3"
        assert first.headers[b"x-ratelimit-remaining-requests"] == b"2"
        assert [(await relay.call(ask()))[0].status for _ in range(2)] == [200, 200]
        wire, record = await relay.call(ask())
        assert (wire.status, error(wire)["code"], record.charge) == (429, "rate_limit_exceeded", 0)
        assert int(wire.headers[b"retry-after"]) >= 1
        assert wire.headers[b"x-ratelimit-remaining-requests"] == b"0"
        assert len(vendor.app.seen) == 3


async def test_places_at_once_come_back_however_a_call_ends(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)], concurrency=2) as relay:
        wires = [Wire(), Wire()]
        running = [relay.start(ask("sandbox/story:1000@50", stream=True), wire) for wire in wires]
        await vendor.until(lambda app: len(app.seen) == 2)
        assert (await relay.call(ask()))[0].status == 429
        wires[0].leave()
        await running[0]
        assert (await relay.call(ask()))[0].status == 200
        assert (await relay.call(ask(), fault="500"))[0].status == 502
        assert (await relay.call(ask()))[0].status == 200
        wires[1].leave()
        await running[1]


async def test_a_member_that_stands_twice_is_sent_once(vendor: Vendor) -> None:
    """Else a body could say one model to us and another to a vendor who takes the first."""
    async with running_relay([channel(vendor)]) as relay:
        body = b'{"model":"dear","m\\u006fdel":"sandbox/echo","messages":[{"role":"user","content":"Hi"}]}'
        wire, record = await relay.call(body)
        assert (wire.status, record.model) == (200, "sandbox/echo")
        assert vendor.app.seen[-1].body.count(b"model") == 1
        assert b"dear" not in vendor.app.seen[-1].body


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_settled_is_what_is_recorded(vendor: Vendor, stream: bool) -> None:
    """One record for the journal and the observers, with every byte of the answer in it."""
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask("sandbox/story:5@10000", stream=stream))
        assert (wire.complete, record.outcome, record.bytes_out) == (True, "ok", len(wire.body))
        async with asyncio.timeout(5):
            while relay.buckets.lag:
                await asyncio.sleep(0.02)
        row = await relay.buckets.flusher.db.fetch("SELECT bytes_out, attempts FROM usage WHERE id = $1", record.id)
        assert row[0][0] == len(wire.body)
