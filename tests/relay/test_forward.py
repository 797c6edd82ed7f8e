"""Bytes pass unchanged; headers are held back, but not for ever."""

import asyncio

import pytest

from entrepot.relay import forward
from tests.connections import Wire
from tests.relays import channel, running_relay
from tests.relays import vendor as vendor
from tests.vendors import Vendor


@pytest.mark.parametrize("fault", ["", "crlf", "keepalive", "slowdrip=40000", "no-done"])
async def test_what_the_vendor_sent_is_what_the_client_gets(vendor: Vendor, fault: str) -> None:
    ask = {
        "model": "sandbox/story:40@10000",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hi"}],
        "seed": 7,
    }
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(ask, fault=fault)
        assert record.outcome == "ok"
        assert (b"\r\n\r\n" in wire.body) is (fault == "crlf")
        assert (b"\n: " in wire.body or wire.body.startswith(b":")) is (fault == "keepalive")
        assert wire.body.endswith(b"[DONE]\n\n" if fault not in ("crlf", "no-done") else b"\n")
        assert record.usage.output_total == 40


async def test_headers_wait_for_content_but_not_for_ever(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "HOLD_SECONDS", 0.3)
    async with running_relay([channel(vendor)]) as relay:
        wire = Wire()
        running = relay.start(
            {"model": "sandbox/echo", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}, wire, fault="pause=1"
        )
        await asyncio.sleep(0.15)
        assert wire.messages == []
        await asyncio.sleep(0.3)
        assert wire.status == 200, "a vendor that thinks: the client gets its headers"
        await running
        assert wire.body.endswith(b"[DONE]\n\n")


async def test_dropped_fields_are_named(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        wire, record = await relay.call(
            {"model": "sandbox/echo", "store": True, "messages": [{"role": "user", "content": "Hi"}]}
        )
        assert wire.headers[b"x-entrepot-dropped"] == b"store"
        assert record.dropped == ("store",)
        assert vendor.app.seen[-1].json.get("store") in (None, False)


async def test_strict_turns_a_loss_into_a_400(vendor: Vendor) -> None:
    async with running_relay([channel(vendor)]) as relay:
        body = {"model": "sandbox/echo", "store": True, "messages": [{"role": "user", "content": "Hi"}]}
        wire, record = await relay.call(body, strict=True)
        assert wire.status == 400
        assert b'"param":"store"' in wire.body
        assert len(vendor.app.seen) == 0
        assert (await relay.call(body | {"store": False}, strict=True))[0].status == 200
        assert record.charge == 0
