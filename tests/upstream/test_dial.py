"""Opening connections: each way to fail has its own name."""

import asyncio
import resource
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from entrepot.core.faults import Kind
from entrepot.core.http import Origin, Timeouts
from entrepot.upstream.client import Upstream
from tests.upstream.vendor import OK, Authority, Peer, always, call, outcome, vendor


@contextmanager
def black_hole(address: str, port: int = 0) -> Iterator[int]:
    """A port on which connecting takes for ever: its backlog is full."""
    with closing(socket.socket()) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for filler in fillers:
            filler.close()


async def test_refused(upstream: Upstream) -> None:
    assert await outcome(upstream, Origin("http", "127.0.0.1", 1)) is Kind.CONNECT_REFUSED
    assert await outcome(upstream, Origin("http", "localhost", 1)) is Kind.CONNECT_REFUSED
    assert await outcome(upstream, Origin("https", "127.0.0.1", 1)) is Kind.CONNECT_REFUSED
    assert upstream.stats() == {}


async def test_no_such_socket(upstream: Upstream, tmp_path: Path) -> None:
    assert await outcome(upstream, Origin("unix", str(tmp_path / "none"), 0)) is Kind.CONNECT_REFUSED


@pytest.mark.parametrize("name", ["nonexistent.invalid", "a..b", "ü" * 100])
async def test_no_such_name(upstream: Upstream, name: str) -> None:
    for scheme in ("http", "https"):
        assert await outcome(upstream, Origin(scheme, name, 80)) is Kind.DNS_FAILED


async def test_connecting_takes_too_long(upstream: Upstream) -> None:
    with black_hole("127.0.0.1") as port:
        start = asyncio.get_running_loop().time()
        assert await outcome(upstream, Origin("http", "127.0.0.1", port), Timeouts(connect=0.2)) is Kind.CONNECT_TIMEOUT
        assert asyncio.get_running_loop().time() - start < 3
    assert upstream.stats() == {}


async def test_tls_takes_too_long(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with vendor(script) as server:
        origin = Origin("https", "localhost", server.origin.port)
        assert await outcome(upstream, origin, Timeouts(connect=0.2)) is Kind.CONNECT_TIMEOUT
        assert upstream.stats() == {}


@pytest.mark.parametrize("tls", [False, True])
async def test_cancelled_while_opening(upstream: Upstream, tls: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    with black_hole("127.0.0.1") as hole:
        async with vendor(script) as server:
            origin = Origin("https", "localhost", server.origin.port) if tls else Origin("http", "127.0.0.1", hole)
            task = asyncio.get_running_loop().create_task(call(upstream, origin))
            await asyncio.sleep(0.05)
            assert upstream.stats()[origin].open == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert upstream.stats() == {}


async def test_the_next_address_is_tried(upstream: Upstream) -> None:
    async with vendor(always(OK)) as server:
        upstream._dialer._resolver._known["both.test"] = (1e12, ["127.0.0.2", "127.0.0.1"])
        origin = Origin("http", "both.test", server.origin.port)
        assert await outcome(upstream, origin) == b"ok"
        assert upstream._dialer._resolver._known["both.test"][1] == ["127.0.0.1", "127.0.0.2"]


@pytest.mark.asyncio(loop_factories=["uvloop"])
async def test_a_dead_address_costs_little_and_once(upstream: Upstream) -> None:
    async with vendor(always(OK.replace(b"1.1", b"1.0"))) as server:
        with black_hole("127.0.0.2", server.origin.port):
            upstream._dialer._resolver._known["both.test"] = (1e12, ["127.0.0.2", "127.0.0.1"])
            origin = Origin("http", "both.test", server.origin.port)
            loop = asyncio.get_running_loop()
            for most in (4.0, 1.2):
                start = loop.time()
                assert await outcome(upstream, origin) == b"ok"
                assert loop.time() - start < most


async def test_no_descriptors_left_is_not_the_vendors_fault(upstream: Upstream) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with vendor(always(OK)) as server:
        with closing(socket.socket()) as probe:
            lowest = probe.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
        try:
            assert await outcome(upstream, server.origin) is Kind.POOL_EXHAUSTED
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert await outcome(upstream, server.origin) == b"ok"


async def test_kernel_keep_alive_is_on(upstream: Upstream, authority: Authority) -> None:
    async with vendor(always(OK)) as plain, vendor(always(OK), tls=authority.server()) as secure:
        for origin in (plain.origin, secure.origin):
            await call(upstream, origin)
            (connection,) = upstream._pools[origin]._connections
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
