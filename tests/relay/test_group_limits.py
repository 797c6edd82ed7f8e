"""Limits of groups in whole calls: those of the group that serves count, and a full group is passed over."""

from typing import Any

import pytest

from entrepot.core.call import RateLimits
from entrepot.kit import json
from entrepot.snapshot.model import Group
from tests.relays import RelayUnderTest, channel, running_relay
from tests.relays import vendor as vendor
from tests.vendors import Vendor

ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}
NOBODY = "http://127.0.0.1:9/v1"


def groups(vip: RateLimits | None = None, default: RateLimits | None = None) -> Any:
    return Group(1, "vip", 500_000, limits=vip), Group(2, "default", limits=default)


def used(relay: RelayUnderTest) -> dict[str, int]:
    return {scope: each.used(relay.limits.rounds.now) for scope, each in relay.limits._allowances.items()}


async def test_a_full_group_is_passed_over_until_all_are_full(vendor: Vendor) -> None:
    channels = [channel(vendor, groups=("vip",)), channel(vendor, 2, groups=("default",))]
    limited = groups(RateLimits(rpm=1), RateLimits(rpm=2))
    async with running_relay(channels, groups=limited) as relay:
        records = [(await relay.call(ASK))[1] for _ in range(3)]
        assert [(record.group, record.channel, record.status) for record in records] == [
            ("vip", "c1", 200),
            ("default", "c2", 200),
            ("default", "c2", 200),
        ]
        wire, record = await relay.call(ASK)
        assert (wire.status, record.fault, record.attempts) == (429, "rate_limited", ())
        assert "the group '" in json.decode(wire.body)["error"]["message"]
        assert used(relay) == {"group:1:requests": 1, "group:2:requests": 2}


async def test_a_group_that_does_not_serve_the_model_does_not_count(vendor: Vendor) -> None:
    channels = [channel(vendor, groups=("vip",), models=("other",)), channel(vendor, 2, groups=("default",))]
    async with running_relay(channels, groups=groups(RateLimits(rpm=1), RateLimits(rpm=9))) as relay:
        for _ in range(3):
            assert (await relay.call(ASK))[0].status == 200
        assert used(relay) == {"group:2:requests": 3}


@pytest.mark.parametrize("stream", [False, True])
async def test_after_failover_the_limits_of_the_group_that_answered_count(vendor: Vendor, stream: bool) -> None:
    channels = [channel(NOBODY, groups=("vip",)), channel(vendor, 2, groups=("default",))]
    limited = groups(RateLimits(tpm=1000, concurrency=1), RateLimits(rpm=1, tpm=1000))
    async with running_relay(channels, groups=limited) as relay:
        wire, record = await relay.call(ASK | {"stream": stream})
        assert (wire.status, record.group, [attempt.channel for attempt in record.attempts]) == (200, "default", ["c1", "c2"])
        assert wire.headers[b"x-ratelimit-limit-requests"] == b"1"
        tokens = record.usage.prompt_total + record.usage.output_total
        assert used(relay) == {
            "group:1:tokens": 0,
            "group:1:concurrency": 0,
            "group:2:requests": 1,
            "group:2:tokens": tokens,
        }
        # Now the second group is full: what is said is why the first one failed.
        wire, record = await relay.call(ASK)
        assert (wire.status, record.fault) == (502, "connect_refused")
        assert [attempt.channel for attempt in record.attempts] == ["c1"]
        assert used(relay)["group:1:concurrency"] == 0
