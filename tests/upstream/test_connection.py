"""Answers good and bad as they come off the wire: framing, limits, silence, the end."""

import asyncio

import pytest

from entrepot.core.faults import Kind
from entrepot.core.http import Timeouts
from entrepot.upstream.client import Upstream
from entrepot.upstream.connection import MAX_UNREAD
from tests.upstream.vendor import OK, Peer, Script, always, answering, call, drain, eventually, opened, outcome, vendor, whole

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
H = b"HTTP/1.1 200 OK\r\n"

GOOD = {
    "length": (OK, b"ok"),
    "empty": (whole(b""), b""),
    "chunked": (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"ok"),
    "chunk extension": (CHUNKED + b'2;a=b;c="d"\r\nok\r\n0;last\r\n\r\n', b"ok"),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\nx-checksum: 1\r\ny: 2\r\n\r\n", b"ok"),
    "upper-case coding": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", b"ok"),
    "continue": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
    "early hints": (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3 + OK, b"ok"),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "304": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", b""),
    "spaces": (b"HTTP/1.1 200 OK\r\ncontent-length:   2  \r\n\r\nok", b"ok"),
}


@pytest.mark.parametrize("name", GOOD)
async def test_good_answer(upstream: Upstream, name: str) -> None:
    answer, body = GOOD[name]
    async with vendor(always(answer)) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin))[2] == body
        assert server.connections == 1


async def test_until_the_end(upstream: Upstream) -> None:
    async with vendor(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it")) as server:
        assert await outcome(upstream, server.origin) == b"all of it"
        assert upstream.stats() == {}


async def test_headers_in_lower_case_and_order(upstream: Upstream) -> None:
    async with vendor(always(whole(b"", b"X-B: 1", b"x-a: \t2 ", b"X-B: 3"))) as server:
        response = await opened(upstream, server.origin)
        assert response.headers == ((b"x-b", b"1"), (b"x-a", b"2"), (b"x-b", b"3"), (b"content-length", b"0"))
        assert response.header(b"x-b") == b"1"
        assert response.header(b"none") is None
        response.close()


@pytest.mark.parametrize("answer", [H + b"content-length: 5\r\n\r\n", H + b"transfer-encoding: chunked\r\n\r\n"])
async def test_head_has_no_body(upstream: Upstream, answer: bytes) -> None:
    async with vendor(answering(answer)) as server:
        status, headers, body = await call(upstream, server.origin, method=b"HEAD")
        assert (status, len(headers), body) == (200, 1, b"")


GARBAGE = {
    "not http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "status line": b"HTTP/1.1 abc\r\n\r\n",
    "status 99": b"HTTP/1.1 099 X\r\n\r\n",
    "status 999": b"HTTP/1.1 999 X\r\n\r\n",
    "switching": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nabc",
    "version": b"HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n",
    "header without colon": H + b"nonsense\r\n\r\n",
    "space before colon": H + b"x : 1\r\ncontent-length: 0\r\n\r\n",
    "nul in header": H + b"x: a\0b\r\ncontent-length: 0\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "negative length": H + b"content-length: -1\r\n\r\n",
    "length twice": H + b"content-length: 2\r\ncontent-length: 2\r\n\r\nok",
    "conflicting lengths": H + b"content-length: 2\r\ncontent-length: 1\r\n\r\nok",
    "list of lengths": H + b"content-length: 2, 2\r\n\r\nok",
    "length and chunked": H + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunked and length": H + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "other coding": H + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "chunked not last": H + b"transfer-encoding: chunked, gzip\r\n\r\nok",
    "chunk size": CHUNKED + b"xyz\r\nok\r\n",
    "negative chunk size": CHUNKED + b"-2\r\nok\r\n0\r\n\r\n",
    "huge chunk size": CHUNKED + b"fffffffffffffffff\r\nok\r\n",
    "chunk longer than said": CHUNKED + b"2\r\nokay\r\n0\r\n\r\n",
    "too many headers": H + b"a: b\r\n" * 300 + b"content-length: 0\r\n\r\n",
    "big head": H + b"a: " + b"b" * 100_000 + b"\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage(upstream: Upstream, name: str) -> None:
    async with vendor(always(GARBAGE[name])) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_GARBAGE
        assert upstream.stats() == {}


ENDLESS = {
    "headers": (H, b"x-header: 0123456789\r\n" * 100),
    "one header": (H + b"x: ", b"y" * 5000),
    "status": (b"HTTP/1.1 200 ", b"O" * 5000),
    "informational": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
    "chunk extension": (CHUNKED + b"5;", b"a" * 5000),
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"x-trailer: 0123456789\r\n" * 100),
    "one trailer": (CHUNKED + b"2\r\nok\r\n0\r\nx: ", b"y" * 5000),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_endless(upstream: Upstream, name: str) -> None:
    first, more = ENDLESS[name]

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(first)
        while True:
            await peer.send(more)
            await asyncio.sleep(0)

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_GARBAGE
        await eventually(lambda: server.open == 0)


async def test_framing_does_not_add_up_over_a_long_stream(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for _ in range(20):
            await peer.send(b"2;" + b"x" * 8000 + b"\r\n", b"ok\r\n")
            await asyncio.sleep(0.002)
        await peer.send(b"0\r\n\r\n")

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok" * 20


CUT = {
    "head": H + b"content-le",
    "status line": b"HTT",
    "body": H + b"content-length: 5\r\n\r\nabc",
    "chunk": CHUNKED + b"5\r\nabc",
    "before last chunk": CHUNKED + b"3\r\nabc\r\n",
    "last chunk": CHUNKED + b"3\r\nabc\r\n0\r\n",
    "after 100": b"HTTP/1.1 100 Continue\r\n\r\n",
}


@pytest.mark.parametrize("name", CUT)
async def test_cut_off(upstream: Upstream, name: str) -> None:
    async with vendor(answering(CUT[name])) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_TRUNCATED


@pytest.mark.parametrize("sent", [b"", *CUT.values(), H + b"\r\nno length"])
async def test_reset(upstream: Upstream, sent: bytes) -> None:
    """RST: a reset wherever it comes; a body without length is not complete then."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(sent)
        await asyncio.sleep(0.03)
        peer.reset()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_RESET


async def test_accepts_and_closes(upstream: Upstream) -> None:
    async def script(_: Peer) -> None:
        pass

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) is Kind.VENDOR_RESET


async def test_what_came_before_the_fault_is_delivered(upstream: Upstream) -> None:
    async with vendor(answering(CHUNKED + b"3\r\nabc\r\nzz\r\n")) as server:
        assert await drain(await opened(upstream, server.origin)) == (b"abc", Kind.VENDOR_GARBAGE)


def holding(*sent: bytes, pause: float = 5.0) -> Script:
    """Sends pieces with a pause after each, and ends."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in sent:
            await peer.send(piece)
            await asyncio.sleep(pause)

    return script


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        ((b"",), Kind.VENDOR_SILENT),
        ((b"HTTP/1.1 100 Continue\r\n\r\n",), Kind.VENDOR_SILENT),
        ((H,), Kind.VENDOR_STALLED),
        ((H + b"content-length: 9\r\n\r\nabc",), Kind.VENDOR_STALLED),
        ((CHUNKED,), Kind.VENDOR_STALLED),
    ],
)
async def test_silence(upstream: Upstream, sent: tuple[bytes, ...], kind: Kind) -> None:
    async with vendor(holding(*sent)) as server:
        start = asyncio.get_running_loop().time()
        assert await outcome(upstream, server.origin, Timeouts(first_byte=0.15, idle=0.15)) is kind
        assert 0.14 <= asyncio.get_running_loop().time() - start < 2
        assert upstream.stats() == {}


async def test_first_byte_and_idle_are_apart(upstream: Upstream) -> None:
    async with vendor(holding(CHUNKED + b"1\r\na\r\n")) as server:
        assert await outcome(upstream, server.origin, Timeouts(first_byte=5, idle=0.1)) is Kind.VENDOR_STALLED
    async with vendor(holding(b"", CHUNKED + b"1\r\na\r\n0\r\n\r\n", pause=0.2)) as server:
        assert await outcome(upstream, server.origin, Timeouts(first_byte=5, idle=0.1)) == b"a"


async def test_a_steady_stream_outlives_idle(upstream: Upstream) -> None:
    pieces = (CHUNKED, *[b"1\r\na\r\n"] * 12, b"0\r\n\r\n")
    async with vendor(holding(*pieces, pause=0.05)) as server:
        assert await outcome(upstream, server.origin, Timeouts(first_byte=0.5, idle=0.5)) == b"a" * 12


@pytest.mark.parametrize("first", [H, CHUNKED + b"ffff\r\n"], ids=["head", "body"])
async def test_drip(upstream: Upstream, first: bytes) -> None:
    """One byte at a time for ever: only `total` ends it."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(first)
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.02)

    async with vendor(script) as server:
        start = asyncio.get_running_loop().time()
        timeouts = Timeouts(first_byte=0.2, idle=0.2, total=0.3)
        assert await outcome(upstream, server.origin, timeouts) is Kind.VENDOR_TOO_LONG
        assert 0.29 <= asyncio.get_running_loop().time() - start < 3


async def test_no_limits(upstream: Upstream) -> None:
    async with vendor(holding(b"", OK, pause=0.05)) as server:
        assert await outcome(upstream, server.origin, Timeouts(first_byte=None, idle=None, total=None)) == b"ok"


async def test_unasked_bytes_end_an_idle_connection(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK, whole(b"evil"))
        await peer.gone()

    async with vendor(script) as server:
        assert await outcome(upstream, server.origin) == b"ok"
        await eventually(lambda: upstream.stats() == {})
        assert await outcome(upstream, server.origin) == b"ok"
        assert server.connections == 2


@pytest.mark.parametrize("extra", [b"H", whole(b"evil"), b"\0"])
async def test_bytes_after_the_answer_end_the_connection(upstream: Upstream, extra: bytes) -> None:
    async with vendor(always(OK + extra)) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin))[2] == b"ok"
            assert upstream.stats() == {}
        assert server.connections == 2


async def test_slow_client_slows_the_vendor(upstream: Upstream) -> None:
    """Unread bytes stay bounded, and waiting for our own client is not the vendor's stall."""
    sent = 0
    total = 30_000_000

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.request()
        await peer.send(H + b"content-length: %d\r\n\r\n" % total)
        while sent < total:
            await peer.send(b"x" * 100_000)
            sent += 100_000

    async with vendor(script) as server:
        response = await opened(upstream, server.origin, Timeouts(idle=0.4))
        await asyncio.sleep(0.7)
        before = sent
        assert before < total  # the rest waits in the vendor
        assert response.unread <= MAX_UNREAD + 256 * 1024
        await asyncio.sleep(0.1)
        assert sent == before
        assert len((await drain(response))[0]) == total
        assert upstream.stats()[server.origin].idle == 1


async def test_a_stall_after_a_pause_is_noticed(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(H + b"\r\n" + b"x" * 1_000_000)
        await asyncio.sleep(5)

    async with vendor(script) as server:
        response = await opened(upstream, server.origin, Timeouts(idle=0.15))
        await asyncio.sleep(0.3)
        body, kind = await drain(response)
        assert (len(body), kind) == (1_000_000, Kind.VENDOR_STALLED)


@pytest.mark.asyncio(loop_factories=["asyncio"])  # uvloop does not tell its timers
async def test_calls_and_chunks_cost_no_timer(upstream: Upstream) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    timers: list[asyncio.TimerHandle] = []

    def look() -> None:
        timers.extend(timer for timer in loop._scheduled if timer not in timers)

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            for piece in (CHUNKED, *[b"1\r\na\r\n"] * 20, b"0\r\n\r\n"):
                peer.writer.write(piece)
                await asyncio.sleep(0)
                await asyncio.sleep(0)

    async with vendor(script) as server:
        for _ in range(10):
            response = await opened(upstream, server.origin)
            look()
            while await response.chunk():
                look()
            response.close()
            look()
    # One of asyncio.timeout for connecting, then the connection's own: first byte, idle, keep-alive.
    assert len(timers) <= 4


async def test_the_vendor_may_vanish_after_the_answer(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await asyncio.sleep(0.02)
        peer.reset()

    async with vendor(script) as server:
        for _ in range(2):
            response = await opened(upstream, server.origin)
            await asyncio.sleep(0.05)
            assert await response.read(10) == b"ok"
            response.close()
        assert upstream.stats() == {}
