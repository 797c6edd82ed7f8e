"""The bucket of wrong keys: fills, leaks, stays bounded; running look-ups hold places."""

import asyncio

from entrepot.access import guesses
from entrepot.access.guesses import Guesses
from entrepot.kit.clock import ManualClock


def test_fills_and_leaks() -> None:
    clock = ManualClock()
    bucket = Guesses(clock)
    for _ in range(60):
        assert not bucket.blocked("a")
        bucket.count("a")
    assert bucket.blocked("a")
    assert 1.0 <= bucket.wait("a") <= 2.0
    clock.advance(5)
    assert not bucket.blocked("a")


def test_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(guesses, "ADDRESSES", 100)
    bucket = Guesses(ManualClock())
    for n in range(1000):
        bucket.count(str(n))
    assert len(bucket._level) == 100


def test_a_flood_does_not_make_the_wait_longer() -> None:
    clock = ManualClock()
    bucket = Guesses(clock)
    for _ in range(3000):
        bucket.count("a")
    assert bucket.blocked("a")
    assert bucket.wait("a") <= 60
    clock.advance(60)
    assert not bucket.blocked("a")


def test_an_ipv6_customer_is_one_client() -> None:
    bucket = Guesses(ManualClock())
    for n in range(60):
        bucket.count(f"2001:db8::{n:x}")
    assert bucket.blocked("2001:db8::ffff:1")
    assert not bucket.blocked("2001:db8:0:1::1")
    assert not bucket.blocked("192.0.2.1")


async def test_who_finds_no_place_waits_for_an_outcome() -> None:
    bucket = Guesses(ManualClock())
    for _ in range(60):
        assert await bucket.begin("a")
    late = [asyncio.ensure_future(bucket.begin("a")) for _ in range(3)]
    assert await bucket.begin("b")
    await asyncio.sleep(0)
    assert not any(task.done() for task in late)
    bucket.end("a", wrong=False)
    assert await late[0]
    await asyncio.sleep(0)
    assert not late[1].done()
    late[1].cancel()
    for _ in range(60):
        bucket.end("a", wrong=True)
    assert await late[2] is False
    assert not await bucket.begin("a")
    bucket.end("b", wrong=False)
    assert bucket._running == {}


async def test_one_who_is_woken_and_leaves_wakes_the_next() -> None:
    bucket = Guesses(ManualClock())
    for _ in range(60):
        await bucket.begin("a")
    first, second = (asyncio.ensure_future(bucket.begin("a")) for _ in range(2))
    await asyncio.sleep(0)
    bucket.end("a", wrong=False)
    first.cancel()
    assert await asyncio.wait_for(second, 2)
