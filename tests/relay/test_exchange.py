"""The client's side: what is sent, and what happens when the client goes."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.relay.exchange import Exchange
from tests.connections import Wire


async def test_an_answer_carries_its_request_id_and_is_counted() -> None:
    wire = Wire()
    exchange = Exchange(wire, "req_7")
    assert not exchange.started
    exchange.start(200, ((b"content-type", b"text/plain"),))
    await exchange.send(b"one", more=True)
    await exchange.send(b"two", more=False)
    assert (wire.status, wire.headers[b"x-request-id"], wire.body, wire.complete) == (200, b"req_7", b"onetwo", True)
    assert (exchange.started, exchange.bytes_out) == (True, 6)


@pytest.mark.parametrize(("how", "kind"), [("left", Kind.CLIENT_LEFT), ("stalled", Kind.CLIENT_STALLED)])
async def test_a_client_that_goes_cancels_the_call_once(how: str, kind: Kind) -> None:
    wire, cancelled = Wire(), 0
    exchange = Exchange(wire, "req_7")

    async def call() -> None:
        nonlocal cancelled
        exchange.watch(asyncio.current_task())  # type: ignore[arg-type]
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled += 1

    task = asyncio.ensure_future(call())
    await asyncio.sleep(0)
    wire.leave(how)
    exchange.stop(Kind.DRAINING)
    await task
    assert (cancelled, exchange.ended_by) == (1, kind)


async def test_a_client_that_has_gone_already() -> None:
    wire = Wire()
    wire.leave()
    with pytest.raises(Fault) as caught:
        Exchange(wire, "req_7").watch(asyncio.current_task())  # type: ignore[arg-type]
    assert caught.value.kind is Kind.CLIENT_LEFT


async def test_after_the_call_nothing_is_cancelled() -> None:
    wire = Wire()
    exchange = Exchange(wire, "req_7")
    exchange.watch(asyncio.current_task())  # type: ignore[arg-type]
    exchange.unwatch()
    wire.leave()
    exchange.stop(Kind.DRAINING)
    await asyncio.sleep(0)
    assert exchange.ended_by is None


async def test_what_is_announced_is_counted_once() -> None:
    exchange = Exchange(Wire(), "req_7")
    exchange.start(200, ())
    assert exchange.put(b"one")
    exchange.announce(4)
    assert exchange.bytes_out == 7
    await exchange.send(b"last", more=False)
    assert exchange.bytes_out == 7
