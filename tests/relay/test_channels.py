"""What a channel says of itself holds on the wire: headers, overrides, model map, proxy, draining; and a model's timeouts."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

from entrepot.compose.prepare import prepare
from entrepot.control.channels import service as channels
from entrepot.control.channels.schemas import ChannelUpdate
from entrepot.control.opening import open_services
from entrepot.control.routing import health
from entrepot.core.call import RateLimits
from entrepot.core.http import parse_origin
from entrepot.kit import json
from entrepot.settings import Handoff
from tests.gateways import running_gateway
from tests.relays import channel, running_relay
from tests.relays import vendor as vendor
from tests.upstream.proxies import Proxy
from tests.upstream.vendor import vendor as listening
from tests.vendors import Vendor, running_sandbox

ASK: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.1}


async def test_headers_and_overrides_of_the_channel_that_serves(vendor: Vendor) -> None:
    facts: dict[str, Any] = {"models": (), "model_map": {"m": "sandbox/echo"}}
    plain = channel(vendor, 2, **facts)
    special = channel(
        "http://127.0.0.1:9/v1",
        1,
        headers=((b"x-team", b"never"),),
        overrides=json.members(b'{"temperature": 0.9, "top_p": 0.5}'),
        **facts,
    )
    async with running_relay([special, plain]) as relay:
        assert (await relay.call(ASK))[0].status == 200
        seen = vendor.app.seen[-1]
        assert (seen.header("x-team"), seen.json["temperature"], "top_p" in seen.json) == (None, 0.1, False), "the other's own"
    serves = channel(vendor, 1, headers=special.headers, overrides=special.overrides, **facts)
    async with running_relay([serves]) as relay:
        assert (await relay.call(ASK))[0].status == 200
        seen = vendor.app.seen[-1]
        assert (seen.header("x-team"), seen.json["temperature"], seen.json["top_p"]) == ("never", 0.9, 0.5)
        assert seen.json["model"] == "sandbox/echo"


async def test_each_channel_has_its_own_proxy(vendor: Vendor) -> None:
    proxy = Proxy()
    async with listening(proxy.connect) as peer:
        through = parse_origin(vendor.base_url, f"http://127.0.0.1:{peer.origin.port}")[0]
        facts: dict[str, Any] = {"models": (), "priority": 0}
        first = channel(vendor, 1, origin=through, model_map={"a": "sandbox/echo"}, **facts)
        async with running_relay([first, channel(vendor, 2, model_map={"b": "sandbox/echo"}, **facts)]) as relay:
            assert (await relay.call(ASK | {"model": "a"}))[0].status == 200
            assert proxy.targets == [f"127.0.0.1:{vendor.port}"]
            assert (await relay.call(ASK | {"model": "b"}))[0].status == 200
            assert len(proxy.targets) == 1


MODELS = """
[[model]]
name = "sandbox/echo!silence"
timeouts = { first_byte = 0.3 }
price.call = "0"
[[model]]
name = "sandbox/story:60@50!stall=10"
timeouts = { idle = 0.3 }
price.call = "0"
[[model]]
name = "sandbox/story:500@50"
timeouts = { total = 0.5 }
price.call = "0"
"""


async def test_a_models_timeouts_from_the_file_to_the_wire(tmp_path: Path) -> None:
    config = tmp_path / "more.toml"
    config.write_text(MODELS)
    async with running_gateway(tmp_path / "data") as gateway, gateway.client() as client:
        before = (await client.get("/readyz")).json()["snapshot"]
        await prepare(Handoff(settings=gateway.settings, role="prepare", config=str(config)))
        async with asyncio.timeout(3):
            while (await client.get("/readyz")).json()["snapshot"] == before:
                await asyncio.sleep(0.05)
        for model, fault in (
            ("sandbox/echo!silence", "upstream_timeout"),
            ("sandbox/story:60@50!stall=10", "upstream_stalled"),
            ("sandbox/story:500@50", "upstream_too_long"),
        ):
            answer = await client.post("/v1/chat/completions", json=ASK | {"model": model, "stream": True})
            assert fault in answer.text


async def test_a_channel_that_drains_lets_its_calls_end_and_takes_no_more(tmp_path: Path) -> None:
    async with running_gateway(tmp_path / "data") as gateway, gateway.client() as client:
        story = ASK | {"model": "sandbox/story:150@50", "stream": True}
        async with client.stream("POST", "/v1/chat/completions", json=story) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            async with open_services(gateway.settings) as services:
                async with services.transaction() as tx:
                    await channels.update(tx, "sandbox", ChannelUpdate(status="draining"))
                async with asyncio.timeout(3):
                    while (await client.post("/v1/chat/completions", json=ASK | {"model": "sandbox/echo"})).status_code != 404:
                        await asyncio.sleep(0.05)
                await asyncio.sleep(1.1)  # the worker publishes once a second
                async with services.reading() as tx:
                    (row,) = (await health.list_page(tx, 10)).data
                assert (row.status, row.running) == ("draining", 1)
                assert [line async for line in lines if line][-1] == "data: [DONE]"
                async with asyncio.timeout(3):
                    while row.running:
                        async with services.reading() as tx:
                            (row,) = (await health.list_page(tx, 10)).data
                async with services.transaction() as tx:
                    await channels.update(tx, "sandbox", ChannelUpdate(status="enabled"))
        async with asyncio.timeout(3):
            while (await client.post("/v1/chat/completions", json=ASK | {"model": "sandbox/echo"})).status_code != 200:
                await asyncio.sleep(0.05)


async def test_a_session_stays_with_its_channel_until_that_rests(vendor: Vendor) -> None:
    facts: dict[str, Any] = {"models": (), "priority": 0}
    full = {"m": "sandbox/echo", "full": "sandbox/echo!503!retry-after=60"}
    well = {"m": "sandbox/echo", "full": "sandbox/echo"}
    async with running_sandbox() as second:
        both = [channel(vendor, 1, model_map=full, **facts), channel(second, 2, model_map=well, **facts)]
        async with running_relay(both) as relay:
            homes: dict[str, str | None] = {}
            for session in "abcdef":
                found = {(await relay.call(ASK | {"prompt_cache_key": session}))[1].channel for _ in range(4)}
                assert len(found) == 1
                homes[session] = found.pop()
            assert set(homes.values()) == {"c1", "c2"}
            drawn = {(await relay.call(ASK))[1].channel for _ in range(20)}
            assert drawn == {"c1", "c2"}, "who names no session is drawn by weight"
            mine = next(session for session, home in homes.items() if home == "c1")
            record = (await relay.call(ASK | {"prompt_cache_key": mine, "model": "full"}))[1]
            assert [attempt.channel for attempt in record.attempts] == ["c1", "c2"], "it moves within the call"
            assert (await relay.call(ASK | {"prompt_cache_key": mine}))[1].channel == "c2", (
                "and stays away while its home rests"
            )


async def test_a_full_channel_is_passed_over_and_waited_for_where_it_is_the_only_one(vendor: Vendor) -> None:
    facts: dict[str, Any] = {"models": (), "model_map": {"m": "sandbox/echo!slow=0.4"}, "limits": RateLimits(concurrency=2)}
    async with running_sandbox() as second, running_relay([channel(vendor, 1, **facts)]) as relay:
        done = await asyncio.gather(*(relay.call(ASK) for _ in range(6)))
        assert [wire.status for wire, _ in done] == [200] * 6, "they wait for room, two at a time"
        assert vendor.app.requests == 6
        spare = channel(second, 2, models=(), model_map={"m": "sandbox/echo"})
        async with running_relay([channel(vendor, 1, **facts), spare]) as both:
            await asyncio.gather(*(both.call(ASK) for _ in range(6)))
            served = Counter(record.channel for record in both.records)
            assert served == {"c1": 2, "c2": 4}


async def test_where_there_is_no_room_for_long_it_is_said(vendor: Vendor) -> None:
    limited = channel(vendor, 1, models=(), model_map={"m": "sandbox/echo"}, limits=RateLimits(rpm=2))
    async with running_relay([limited]) as relay:
        assert [(await relay.call(ASK))[0].status for _ in range(2)] == [200, 200]
        wire, record = await relay.call(ASK)
        assert (wire.status, record.fault, len(record.attempts)) == (503, "pool_exhausted", 0)
        assert 30 <= int(wire.headers[b"retry-after"]) <= 60
        assert vendor.app.requests == 2
