"""Names to addresses: what is remembered, and for how long others wait."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.upstream.resolver import Resolver, is_address


async def test_addresses_need_no_question() -> None:
    resolver = Resolver()
    for address in ("127.0.0.1", "::1"):
        assert await resolver.resolve(address) == [address]
    assert resolver._known == {}


async def test_a_name() -> None:
    resolver = Resolver()
    addresses = await resolver.resolve("localhost")
    assert addresses
    assert all(is_address(address) for address in addresses)
    assert await resolver.resolve("localhost") is addresses


@pytest.mark.parametrize("name", ["nonexistent.invalid", "a..b", "x" * 300, "\0", "nul\0name", ""])
async def test_no_name(name: str) -> None:
    resolver = Resolver()
    for _ in range(2):
        with pytest.raises(Fault) as caught:
            await resolver.resolve(name)
        assert caught.value.kind is Kind.DNS_FAILED


async def test_answers_age() -> None:
    resolver = Resolver()
    loop = asyncio.get_running_loop()
    first = await resolver.resolve("localhost")
    until, _ = resolver._known["localhost"]
    assert 25 < until - loop.time() <= 30.001
    resolver._known["localhost"] = (loop.time() - 1, [])
    assert sorted(await resolver.resolve("localhost")) == sorted(first)


async def test_one_question_for_many() -> None:
    resolver = Resolver()
    tasks = [asyncio.get_running_loop().create_task(resolver.resolve("localhost")) for _ in range(50)]
    await asyncio.sleep(0)
    assert list(resolver._pending) == ["localhost"]
    results = await asyncio.gather(*tasks)
    assert all(result is results[0] for result in results)
    assert resolver._pending == {}


async def test_the_asker_may_be_cancelled() -> None:
    resolver = Resolver()
    loop = asyncio.get_running_loop()
    asker, follower, other = (loop.create_task(resolver.resolve("localhost")) for _ in range(3))
    await asyncio.sleep(0)
    asker.cancel()
    other.cancel()
    assert await follower
    assert resolver._pending == {}


async def test_memory_is_bounded() -> None:
    resolver = Resolver()
    for number in range(512):
        resolver._known[f"host{number}"] = (0.0, [])
    await resolver.resolve("localhost")
    assert len(resolver._known) == 1


async def test_prefer() -> None:
    resolver = Resolver()
    resolver._known["x"] = (1e12, ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
    resolver.prefer("x", "10.0.0.2")
    assert await resolver.resolve("x") == ["10.0.0.2", "10.0.0.1", "10.0.0.3"]
    resolver.prefer("unknown", "10.0.0.2")
