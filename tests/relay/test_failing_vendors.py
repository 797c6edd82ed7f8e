"""One of three vendors is dead, flaps, lies, limits: clients do not notice, and calls learn from calls."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from entrepot.core.faults import Kind
from entrepot.snapshot.model import Channel, ChannelKey
from tests.relays import RelayUnderTest, channel, running_relay
from tests.relays import vendor as vendor
from tests.vendors import Vendor, running_sandbox

NOBODY = "http://127.0.0.1:9/v1"
ASK = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def lane(vendor: Vendor | str, number: int, fault: str = "", **facts: Any) -> Channel:
    """A channel that shares its tier with the others; its vendor errs as asked."""
    facts = {"priority": 0, "models": (), "model_map": {"m": f"sandbox/echo{fault}"}, **facts}
    return channel(vendor, number, **facts)


async def all_good(relay: RelayUnderTest, calls: int, **how: Any) -> None:
    for _ in range(calls):
        wire, record = await relay.call(ASK | how)
        assert (wire.status, record.outcome) == (200, "ok"), record


def tries(relay: RelayUnderTest, name: str) -> int:
    return sum(attempt.channel == name for record in relay.records for attempt in record.attempts)


FAULTS = ("dead", "!500", "!lie", "!empty", "!garbage", "!reset", "!429", "!401", "!quota")


@pytest.mark.parametrize(("fault", "stream"), [*((fault, True) for fault in FAULTS), ("!500", False), ("!lie", False)])
async def test_one_of_three_is_bad_and_calls_learn_it(vendor: Vendor, fault: str, stream: bool) -> None:
    async with running_sandbox() as second, running_sandbox() as third:
        bad = lane(NOBODY, 1) if fault == "dead" else lane(vendor, 1, fault)
        async with running_relay([bad, lane(second, 2), lane(third, 3)]) as relay:
            await all_good(relay, 30, stream=stream)
            assert 1 <= tries(relay, "c1") <= 4, "three in a row, or one where the key is at fault"
            served = Counter(record.channel for record in relay.records)
            assert min(served["c2"], served["c3"]) >= 5, "the two that work share the calls"


async def test_a_vendor_that_comes_back_is_found_by_real_traffic(vendor: Vendor) -> None:
    async with running_sandbox() as second:
        flapping = lane(vendor, 1, "!500!first=3", priority=9)
        async with running_relay([flapping, lane(second, 2)]) as relay:
            await all_good(relay, 5)
            assert (tries(relay, "c1"), relay.records[-1].channel) == (3, "c2")
            await asyncio.sleep(2.5)
            await all_good(relay, 3)
            assert [record.channel for record in relay.records[-3:]] == ["c1"] * 3


async def test_one_probe_while_it_thinks(vendor: Vendor) -> None:
    async with running_sandbox() as second:
        slow = lane(
            vendor, 1, "!500!first=3", priority=9, model_map={"m": "sandbox/echo!500!first=3", "s": "sandbox/echo!slow=1"}
        )
        both = lane(second, 2, model_map={"m": "sandbox/echo", "s": "sandbox/echo"})
        async with running_relay([slow, both]) as relay:
            await all_good(relay, 3)
            await asyncio.sleep(2.5)
            await asyncio.gather(*(relay.call(ASK | {"model": "s"}) for _ in range(10)))
            served = Counter(record.channel for record in relay.records[-10:])
            assert served == {"c1": 1, "c2": 9}


async def test_a_single_channel_is_never_locked_out(vendor: Vendor) -> None:
    async with running_relay([lane(vendor, 1, "!500!first=6")]) as relay:
        for _ in range(6):
            assert (await relay.call(ASK))[0].status == 502
        await all_good(relay, 1)


async def test_a_key_that_is_refused_makes_room_for_the_next_in_the_same_call(vendor: Vendor) -> None:
    keys = (ChannelKey(1, "sk-wrong"), ChannelKey(2, vendor.secret or ""), ChannelKey(3, "sk-wrong-too"))
    async with running_relay([lane(vendor, 1, keys=keys)]) as relay:
        await all_good(relay, 20)
        for record in relay.records:
            places = [(attempt.channel_id, attempt.key_id) for attempt in record.attempts]
            assert len(set(places)) == len(places)
        assert [attempt.key_id for attempt in relay.records[-1].attempts] == [2]
        refused = Counter(a.key_id for record in relay.records for a in record.attempts if a.fault == "vendor_auth")
        assert refused == {1: 1, 3: 1}


async def test_a_limited_key_rests_and_the_channels_other_key_serves(vendor: Vendor) -> None:
    """Two keys of one channel cannot be told apart by this vendor: two channels stand for them."""
    async with running_sandbox() as second:
        limited = lane(vendor, 1, "!429!retry-after=1", priority=9)
        async with running_relay([limited, lane(second, 2)]) as relay:
            await all_good(relay, 10)
            assert tries(relay, "c1") == 1
            await asyncio.sleep(1.1)
            await all_good(relay, 1)
            assert tries(relay, "c1") == 2


async def test_clients_mistakes_rest_nothing(vendor: Vendor) -> None:
    async with running_sandbox() as second, running_relay([lane(vendor, 1, "!400", priority=9), lane(second, 2)]) as relay:
        for _ in range(10):
            wire, record = await relay.call(ASK)
            assert (wire.status, record.fault, len(record.attempts)) == (400, Kind.VENDOR_REFUSED.value, 1)
        assert tries(relay, "c1") == 10


@pytest.mark.parametrize("fault", ["!cut=8", "!late-error=8"])
async def test_a_vendor_that_breaks_off_again_and_again_is_left_alone(vendor: Vendor, fault: str) -> None:
    async with running_sandbox() as second:
        bad = lane(vendor, 1, priority=9, model_map={"m": f"sandbox/story:60@50{fault}"})
        async with running_relay([bad, lane(second, 2)]) as relay:
            for _ in range(6):
                record = (await relay.call(ASK | {"stream": True}))[1]
                assert (record.outcome, len(record.attempts)) == ("interrupted", 1), (
                    "never a second answer after bytes were sent"
                )
            await all_good(relay, 3, stream=True)
            assert relay.records[-1].channel == "c2"


async def test_six_attempts_are_enough() -> None:
    async with running_relay([lane(NOBODY, number) for number in range(1, 10)]) as relay:
        _, record = await relay.call(ASK)
        assert len(record.attempts) == 6
        assert len({attempt.channel_id for attempt in record.attempts}) == 6
