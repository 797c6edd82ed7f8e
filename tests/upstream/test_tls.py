"""TLS to vendors: what is trusted, what is not, and where a body ends."""

import asyncio
import datetime as dt
import os
import socket
import ssl
from pathlib import Path

import pytest
import trustme

from entrepot.core.faults import Kind
from entrepot.core.http import Origin
from entrepot.upstream.client import Upstream
from entrepot.upstream.tls import client_context
from tests.upstream.vendor import OK, Authority, Peer, always, answering, call, drain, eventually, opened, outcome, vendor


def test_context() -> None:
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        client_context(str(tmp_path / "none.pem"))
    (tmp_path / "bad.pem").write_text("nonsense")
    with pytest.raises(OSError):
        Upstream(extra_ca=str(tmp_path / "bad.pem"))


async def test_calls_and_reuse(upstream: Upstream, authority: Authority) -> None:
    async with vendor(always(OK), tls=authority.server()) as server:
        for host in ("localhost", "127.0.0.1"):
            for _ in range(2):
                assert await outcome(upstream, Origin("https", host, server.origin.port)) == b"ok"
        assert server.connections == 2


async def test_the_name_is_sent(upstream: Upstream, authority: Authority) -> None:
    names: list[str | None] = []
    context = authority.server()
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    async with vendor(always(OK), tls=context) as server:
        assert await outcome(upstream, server.origin) == b"ok"
    assert names == ["localhost"]


async def test_unknown_authority(authority: Authority) -> None:
    client = Upstream()
    async with vendor(always(OK), tls=authority.server()) as server:
        assert await outcome(client, server.origin) is Kind.TLS_FAILED
        assert client.stats() == {}
    await client.close()


async def test_wrong_name(upstream: Upstream, authority: Authority) -> None:
    async with vendor(always(OK), tls=authority.server("vendor.example")) as server:
        for host in ("localhost", "127.0.0.1"):
            assert await outcome(upstream, Origin("https", host, server.origin.port)) is Kind.TLS_FAILED


async def test_a_name_is_not_an_address(upstream: Upstream, authority: Authority) -> None:
    async with vendor(always(OK), tls=authority.server("localhost")) as server:
        assert await outcome(upstream, Origin("https", "localhost", server.origin.port)) == b"ok"
        assert await outcome(upstream, Origin("https", "127.0.0.1", server.origin.port)) is Kind.TLS_FAILED


async def test_expired(upstream: Upstream, authority: Authority) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    authority.ca.issue_cert("localhost", not_before=past, not_after=past + dt.timedelta(days=1)).configure_cert(context)
    async with vendor(always(OK), tls=context) as server:
        assert await outcome(upstream, server.origin) is Kind.TLS_FAILED


async def test_another_authority_of_the_same_name(upstream: Upstream) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with vendor(always(OK), tls=context) as server:
        assert await outcome(upstream, server.origin) is Kind.TLS_FAILED


async def test_not_tls_at_all(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with vendor(script) as server:
        assert await outcome(upstream, Origin("https", "localhost", server.origin.port)) is Kind.TLS_FAILED


@pytest.mark.parametrize("by", ["end", "reset"])
async def test_leaves_in_the_handshake(upstream: Upstream, by: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(100)
        if by == "reset":
            peer.reset()

    async with vendor(script) as server:
        assert await outcome(upstream, Origin("https", "localhost", server.origin.port)) is Kind.TLS_FAILED


async def test_big_bodies(upstream: Upstream, authority: Authority) -> None:
    body = bytes(range(256)) * 20_000

    async def script(peer: Peer) -> None:
        while True:
            sent = (await peer.request())[1]
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(sent) + sent)

    async with vendor(script, tls=authority.server()) as server:
        for _ in range(2):
            assert (await call(upstream, server.origin, body=body))[2] == body
        assert server.connections == 1


async def test_a_stream_and_its_abort(upstream: Upstream, authority: Authority) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\na\r\n", b"1\r\nb\r\n")
        await peer.gone()

    async with vendor(script, tls=authority.server()) as server:
        response = await opened(upstream, server.origin)
        assert await response.chunk() + await response.chunk() == b"ab"
        response.close()
        assert upstream.stats() == {}
        await eventually(lambda: server.open == 0)


async def test_a_body_to_the_end_needs_a_proper_end(upstream: Upstream, authority: Authority) -> None:
    """Without close_notify somebody in between may have cut it."""
    answer = b"HTTP/1.1 200 OK\r\n\r\nall of it"

    async def cut(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer)
        await asyncio.sleep(0.02)
        sock = peer.writer.get_extra_info("socket")
        with socket.socket(fileno=os.dup(sock.fileno())) as under:
            under.shutdown(socket.SHUT_WR)
        await peer.gone()

    async with vendor(answering(answer), tls=authority.server()) as server:
        assert await outcome(upstream, server.origin) == b"all of it"
    async with vendor(cut, tls=authority.server()) as server:
        assert await drain(await opened(upstream, server.origin)) == (b"all of it", Kind.VENDOR_TRUNCATED)


async def test_idle_connection_that_the_vendor_closes(upstream: Upstream, authority: Authority) -> None:
    async with vendor(answering(OK), tls=authority.server()) as server:
        for _ in range(2):
            assert await outcome(upstream, server.origin) == b"ok"
            await eventually(lambda: upstream.stats() == {})
        assert server.connections == 2
