"""Sending: what goes over the wire, which connection carries it, when it is sent again, what is left behind."""

import asyncio
import gc
from pathlib import Path

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin, Request, Timeouts
from entrepot.upstream.client import Upstream
from tests.upstream.vendor import (
    OK,
    Peer,
    always,
    answering,
    call,
    drain,
    eventually,
    opened,
    outcome,
    request,
    vendor,
    whole,
)


async def seen(upstream: Upstream, wanted: Request) -> tuple[list[bytes], bytes]:
    """The request as the vendor reads it: lines of the head, body."""
    heads: list[tuple[bytes, bytes]] = []

    async def script(peer: Peer) -> None:
        heads.append(await peer.request())
        await peer.send(OK)

    async with vendor(script) as server:
        origin = Origin("http", "127.0.0.1", server.origin.port)
        (await upstream.send(Request(wanted.method, origin, wanted.target, wanted.headers, wanted.body), Timeouts())).close()
    return heads[0][0].split(b"\r\n")[:-2], heads[0][1]


ANYWHERE = Origin("http", "127.0.0.1", 1)


async def test_adds_what_is_missing(upstream: Upstream) -> None:
    lines, body = await seen(upstream, Request(b"POST", ANYWHERE, b"/v1/x?y=1", ((b"a", b"1"), (b"a", b"2")), b"hello"))
    assert lines[0] == b"POST /v1/x?y=1 HTTP/1.1"
    assert lines[1].startswith(b"host: 127.0.0.1:")
    assert lines[2:] == [b"a: 1", b"a: 2", b"accept-encoding: identity", b"content-length: 5"]
    assert body == b"hello"


async def test_keeps_what_is_given(upstream: Upstream) -> None:
    lines, _ = await seen(upstream, Request(b"GET", ANYWHERE, b"/", ((b"host", b"h"), (b"accept-encoding", b"gzip"))))
    assert lines == [b"GET / HTTP/1.1", b"host: h", b"accept-encoding: gzip"]


async def test_empty_post_says_so(upstream: Upstream) -> None:
    lines, _ = await seen(upstream, Request(b"POST", ANYWHERE, b"/", ()))
    assert lines[-1] == b"content-length: 0"


async def test_headers_about_the_connection_are_ours(upstream: Upstream) -> None:
    headers = ((b"content-length", b"9"), (b"transfer-encoding", b"chunked"), (b"connection", b"close"), (b"x", b"y"))
    lines, body = await seen(upstream, Request(b"POST", ANYWHERE, b"/", headers, b"abc"))
    assert lines[2:] == [b"x: y", b"accept-encoding: identity", b"content-length: 3"]
    assert body == b"abc"


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (b"/", ((b"a", b"1\r\nhost: evil"),)),
        (b"/", ((b"a", b"1\nb: 2"),)),
        (b"/", ((b"a", b"1\rb: 2"),)),
        (b"/", ((b"a\r\nb", b"1"),)),
        (b"/", ((b"a", b"1\0"),)),
        (b"/ HTTP/1.1\r\nx: y", ()),
        (b"/a b", ()),
    ],
)
async def test_no_smuggling(upstream: Upstream, target: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> None:
    with pytest.raises(Fault) as caught:
        await upstream.send(Request(b"POST", ANYWHERE, target, headers), Timeouts())
    assert caught.value.kind is Kind.MALFORMED_HTTP


async def test_reuses_the_connection(upstream: Upstream) -> None:
    async with vendor(always(OK)) as server:
        for _ in range(5):
            assert await call(upstream, server.origin, body=b"x") == (200, ((b"content-length", b"2"),), b"ok")
        assert server.connections == 1
        stats = upstream.stats()[server.origin]
        assert (stats.open, stats.idle, stats.in_use) == (1, 1, 0)


async def test_newest_idle_connection_first(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(whole(b"%d" % peer.number))

    async with vendor(script) as server:
        first, second = await asyncio.gather(opened(upstream, server.origin), opened(upstream, server.origin))
        number = await second.read(9)
        await first.read(9)
        again = {(await call(upstream, server.origin))[2] for _ in range(3)}
        assert len(again) == 1
        assert server.connections == 2
        assert number in (b"1", b"2")


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", OK.replace(b"1.1", b"1.0")]
)
async def test_a_vendor_that_wants_to_close(upstream: Upstream, answer: bytes) -> None:
    async with vendor(always(answer)) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin))[2] == b"ok"
            assert upstream.stats() == {}
        assert server.connections == 2


async def test_http_1_0_with_keep_alive(upstream: Upstream) -> None:
    async with vendor(always(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok")) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin))[2] == b"ok"
        assert server.connections == 1


async def test_unix_socket(upstream: Upstream, tmp_path: Path) -> None:
    async with vendor(always(OK), path=tmp_path / "s") as server:
        for _ in range(2):
            assert (await call(upstream, server.origin))[2] == b"ok"
        assert server.connections == 1


async def test_stale_connection_is_replaced_once(upstream: Upstream) -> None:
    """The vendor closes an idle connection just when the next request is on its way."""
    bodies: list[bytes] = []

    async def script(peer: Peer) -> None:
        bodies.append((await peer.request())[1])
        await peer.send(OK)
        if peer.number == 1:
            await peer.request()  # reads the second request and leaves without a word
            return
        await peer.gone()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        assert (await call(upstream, server.origin, body=b"again"))[2] == b"ok"
        assert bodies == [b"", b"again"]
        assert server.connections == 2


async def test_stale_by_reset(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        if peer.number == 1:
            await peer.request()
            peer.reset()
        else:
            await peer.gone()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        assert await outcome(upstream, server.origin) == b"ok"


async def test_sent_at_most_twice(upstream: Upstream) -> None:
    requests = 0

    async def script(peer: Peer) -> None:
        nonlocal requests
        if peer.number == 1:
            await peer.request()
            await peer.send(OK)
        await peer.request()
        requests += 1

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        assert await outcome(upstream, server.origin) is Kind.VENDOR_RESET
        assert requests == 2


async def test_sent_at_most_twice_on_used_connections(upstream: Upstream) -> None:
    """The retry may have to wait, and then get a connection that another call gave back, which is stale again."""
    requests = 0

    async def script(peer: Peer) -> None:
        nonlocal requests
        for answer in (OK, b""):
            await peer.request()
            requests += 1
            await peer.send(answer)

    async def one() -> bytes | Kind:
        try:
            response = await upstream.send(request(server.origin), Timeouts(), max_connections=1)
        except Fault as fault:
            return fault.kind
        return await response.read(10)

    async with vendor(script) as server:
        assert await one() == b"ok"
        assert await asyncio.gather(one(), one()) == [Kind.VENDOR_RESET, b"ok"]
        assert requests == 4


async def test_a_fresh_connection_is_not_retried(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_RESET
        assert server.connections == 1


@pytest.mark.parametrize("begun", [b"H", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"\r\n"])
@pytest.mark.parametrize("reset", [False, True])
async def test_no_retry_after_a_byte_of_the_answer(upstream: Upstream, begun: bytes, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await peer.send(begun)
        if reset:
            await asyncio.sleep(0.02)
            peer.reset()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        assert await outcome(upstream, server.origin) is (Kind.VENDOR_RESET if reset else Kind.VENDOR_TRUNCATED)
        assert server.connections == 1


async def test_idle_connection_that_the_vendor_closes(upstream: Upstream) -> None:
    async with vendor(answering(OK)) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        await eventually(lambda: upstream.stats() == {})
        assert await outcome(upstream, server.origin) == b"ok"
        assert server.connections == 2


async def test_idle_connections_age() -> None:
    client = Upstream(idle_timeout=0.5)
    async with vendor(always(OK)) as server:
        assert await outcome(client, server.origin) == b"ok"
        assert client.stats()[server.origin].idle == 1
        await asyncio.sleep(0.3)
        assert await outcome(client, server.origin) == b"ok"
        await asyncio.sleep(0.3)
        assert client.stats()[server.origin].idle == 1
        await eventually(lambda: client.stats() == {})
        assert server.connections == 1
    await client.close()


async def test_big_bodies_both_ways(upstream: Upstream) -> None:
    body = bytes(range(256)) * 40_000

    async def script(peer: Peer) -> None:
        while True:
            await peer.send(whole((await peer.request())[1]))

    async with vendor(script) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin, body=body))[2] == body
        assert server.connections == 1


async def test_slow_reader_of_a_big_body(upstream: Upstream) -> None:
    """first_byte counts from the last progress of the upload, not from its start."""

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        left = 16_000_000
        while left:
            left -= len(await peer.reader.read(left))
            if left > 8_000_000:  # what the kernel's buffers hold at the end counts as sent
                await asyncio.sleep(0.03)
        await peer.send(OK)

    async with vendor(script) as server:
        start = asyncio.get_running_loop().time()
        assert (await call(upstream, server.origin, Timeouts(first_byte=0.5), body=b"x" * 16_000_000))[2] == b"ok"
        assert asyncio.get_running_loop().time() - start > 0.55


async def test_a_vendor_that_never_reads(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(5)

    async with vendor(script) as server:
        with pytest.raises(Fault) as caught:
            await call(upstream, server.origin, Timeouts(first_byte=0.2), body=b"x" * 20_000_000)
        assert caught.value.kind is Kind.VENDOR_SILENT


async def test_early_refusal_while_we_write(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(whole(b"too big", status=b"413 Content Too Large"))
        await asyncio.sleep(0.2)

    async with vendor(script) as server:
        status, _, body = await call(upstream, server.origin, body=b"x" * 20_000_000)
        assert (status, body) == (413, b"too big")
        assert upstream.stats() == {}


async def test_early_yes_while_we_write(upstream: Upstream) -> None:
    """A 2xx before the end of the body: the rest is still sent."""

    async def script(peer: Peer) -> None:
        head = await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await peer.reader.readexactly(size)
        await peer.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        await peer.gone()

    async with vendor(script) as server:
        body = b"x" * 8_000_000
        assert (await call(upstream, server.origin, body=body))[2] == body
        assert upstream.stats()[server.origin].idle == 1


async def test_answer_before_the_body_is_taken_is_not_reused(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.send(OK)
        await asyncio.sleep(0.2)

    async with vendor(script) as server:
        assert (await call(upstream, server.origin, body=b"x" * 20_000_000))[2] == b"ok"
        assert upstream.stats() == {}


@pytest.mark.parametrize("after", [0.0, 0.02])
async def test_cancelled_while_waiting_for_the_answer(upstream: Upstream, after: float) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with vendor(script) as server:
        task = asyncio.get_running_loop().create_task(upstream.send(request(server.origin), Timeouts()))
        await asyncio.sleep(after)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert upstream.stats() == {}
        await eventually(lambda: server.open == 0)


@pytest.mark.parametrize("answer", [OK, OK.replace(b"1.1", b"1.0")], ids=["reused", "new"])
async def test_cancelled_at_every_step(upstream: Upstream, answer: bytes) -> None:
    """Cut a call off after any number of the loop's rounds: nothing stays in use."""
    async with vendor(always(answer)) as server:
        for rounds in range(16):
            task = asyncio.get_running_loop().create_task(call(upstream, server.origin))
            for _ in range(rounds):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert all(stats.in_use == 0 for stats in upstream.stats().values())
        assert await outcome(upstream, server.origin) == b"ok"
        await upstream.close()
        await eventually(lambda: server.open == 0)


async def test_close_ends_running_calls(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nabc")
        await peer.gone()

    async with vendor(script) as server:
        stream = await opened(upstream, server.origin)
        assert await stream.chunk() == b"abc"
        waiting = asyncio.get_running_loop().create_task(drain(stream))
        await asyncio.sleep(0.01)
        queued = asyncio.get_running_loop().create_task(upstream.send(request(server.origin), Timeouts(), max_connections=1))
        await asyncio.sleep(0)
        await upstream.close()
        assert await waiting == (b"", Kind.DRAINING)
        with pytest.raises(Fault) as caught:
            await queued
        assert caught.value.kind is Kind.DRAINING
        assert upstream.stats() == {}
        assert await outcome(upstream, server.origin) is Kind.DRAINING


async def test_a_thousand_aborted_streams(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await peer.gone()

    async def abort(origin: Origin) -> None:
        response = await opened(upstream, origin)
        try:
            assert await response.chunk() == b"hello"
        finally:
            response.close()
            response.close()

    async with vendor(script) as server:
        for _ in range(10):
            await asyncio.gather(*(abort(server.origin) for _ in range(100)))
        assert upstream.stats() == {}
        await eventually(lambda: server.open == 0)
        gc.collect()
        assert not [
            thing
            for thing in gc.get_objects()
            if type(thing).__name__ == "Connection" and type(thing).__module__.startswith("entrepot.upstream")
        ]
