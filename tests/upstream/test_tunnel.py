"""Proxies: tunnels through them, and every way in which they refuse."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin, Timeouts
from entrepot.upstream.client import Upstream
from tests.upstream.proxies import Proxy, running
from tests.upstream.vendor import OK, Authority, Peer, Script, always, call, eventually, outcome, vendor

KINDS = ["http", "https", "socks5", "socks5h"]


def through(origin: Origin, proxy: str, host: str | None = None) -> Origin:
    return Origin(origin.scheme, host or origin.host, origin.port, proxy)


@pytest.mark.parametrize("user", [None, "user"])
@pytest.mark.parametrize("secure", [False, True], ids=["http", "https"])
@pytest.mark.parametrize("kind", KINDS)
async def test_tunnel(upstream: Upstream, authority: Authority, kind: str, secure: bool, user: str | None) -> None:
    tls = authority.server()
    proxy = Proxy(user, "secret")
    async with (
        vendor(always(OK), tls=tls if secure else None) as server,
        running(proxy, kind, tls if kind == "https" else None) as url,
    ):
        origin = through(server.origin, url)
        for _ in range(2):
            assert (await call(upstream, origin, body=b"x" * 100_000))[2] == b"ok"
        assert server.connections == 1
        assert len(proxy.targets) == 1
        assert proxy.targets[0].endswith(f":{origin.port}")


@pytest.mark.parametrize(
    ("kind", "seen"), [("socks5", ("127.0.0.1", "::1")), ("socks5h", ("localhost",)), ("http", ("localhost",))]
)
async def test_who_resolves(upstream: Upstream, kind: str, seen: tuple[str, ...]) -> None:
    proxy = Proxy()
    async with vendor(always(OK)) as server, running(proxy, kind) as url:
        upstream._dialer._resolver._known["localhost"] = (1e12, ["127.0.0.1"])
        assert await outcome(upstream, through(server.origin, url, "localhost")) == b"ok"
        assert proxy.targets[0].rpartition(":")[0] in seen


async def test_secrets_may_hold_any_character(upstream: Upstream) -> None:
    for kind in ("http", "socks5"):
        proxy = Proxy("us@er", "p:a/s%s ü")
        async with vendor(always(OK)) as server, running(proxy, kind):
            url = f"{kind}://us%40er:p%3Aa%2Fs%25s%20%C3%BC@127.0.0.1:{proxy.port}"
            assert await outcome(upstream, through(server.origin, url)) == b"ok"


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("secret", ["", "user:wrong@", "other:secret@"])
async def test_wrong_secret(upstream: Upstream, kind: str, secret: str) -> None:
    proxy = Proxy("user", "secret")
    async with vendor(always(OK)) as server, running(proxy, kind):
        url = f"{kind}://{secret}127.0.0.1:{proxy.port}"
        with pytest.raises(Fault) as caught:
            await call(upstream, through(server.origin, url))
        assert caught.value.kind is Kind.PROXY_FAILED
        assert "wrong" not in str(caught.value)
        assert upstream.stats() == {}
        assert server.connections == 0


def saying(*pieces: bytes, hold: bool = False) -> Script:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1000)
        for piece in pieces:
            await peer.send(piece)
            await asyncio.sleep(0.01)
        if hold:
            await peer.gone()

    return script


REFUSALS = {
    "http": {
        "forbidden": saying(b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        "bad gateway": saying(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 3\r\n\r\nabc"),
        "garbage": saying(b"nonsense\r\n\r\n"),
        "closes": saying(),
        "closes in its head": saying(b"HTTP/1.1 200 OK\r\n"),
        "closes after its head": saying(b"HTTP/1.1 200 OK\r\n\r\n"),
        "endless": saying(*[b"x: y\r\n" * 2000] * 3, hold=True),
        "speaks on": saying(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nevil", hold=True),
    },
    "socks5": {
        "version 4": saying(b"\x04\x00", hold=True),
        "no method": saying(b"\x05\xff", hold=True),
        "a password that nobody asked for": saying(b"\x05\x02", hold=True),
        "refused": saying(b"\x05\x00", b"\x05\x05\x00\x01\0\0\0\0\0\0", hold=True),
        "closes": saying(b"\x05"),
        "closes later": saying(b"\x05\x00", b"\x05\x00\x00\x01"),
        "speaks on": saying(b"\x05\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0HTTP/1.1", hold=True),
        "http": saying(b"HTTP/1.1 400 Bad Request\r\n\r\n", hold=True),
    },
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in REFUSALS.items() for name in names])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_refusals(upstream: Upstream, kind: str, name: str, scheme: str) -> None:
    async with vendor(REFUSALS[kind][name]) as server:
        origin = Origin(scheme, "vendor.example", 443, f"{kind}://127.0.0.1:{server.origin.port}")
        if kind == "socks5":
            upstream._dialer._resolver._known["vendor.example"] = (1e12, ["192.0.2.1"])
        result = await outcome(upstream, origin)
        # A tunnel that closes as soon as it is open has become the vendor's connection already.
        after = {Kind.VENDOR_RESET, Kind.TLS_FAILED} if name in ("closes after its head", "closes later") else set[Kind]()
        assert result in {Kind.PROXY_FAILED, *after}
        assert upstream.stats() == {}
        await eventually(lambda: server.open == 0)


async def test_a_password_that_is_refused_in_words(upstream: Upstream) -> None:
    async with vendor(saying(b"\x05\x02", b"\x01\x05", b"\x05\x00\x00\x01\0\0\0\0\0\0", hold=True)) as server:
        origin = Origin("http", "vendor.example", 80, f"socks5h://user:secret@127.0.0.1:{server.origin.port}")
        assert await outcome(upstream, origin) is Kind.PROXY_FAILED


@pytest.mark.parametrize("kind", ["http", "socks5h"])
async def test_a_silent_proxy(upstream: Upstream, kind: str) -> None:
    async with vendor(saying(hold=True)) as server:
        origin = Origin("https", "vendor.example", 443, f"{kind}://127.0.0.1:{server.origin.port}")
        assert await outcome(upstream, origin, Timeouts(connect=0.2)) is Kind.CONNECT_TIMEOUT
        assert upstream.stats() == {}


@pytest.mark.parametrize(
    "proxy",
    [
        "http://127.0.0.1:1",
        "https://127.0.0.1:1",
        "socks5://127.0.0.1:1",
        "socks5h://nonexistent.invalid:1080",
        "http://nonexistent.invalid",
        "ftp://127.0.0.1:21",
        "http://127.0.0.1:port",
        "http://",
        "nonsense",
    ],
)
async def test_no_such_proxy(upstream: Upstream, proxy: str) -> None:
    assert await outcome(upstream, Origin("http", "127.0.0.1", 80, proxy)) is Kind.PROXY_FAILED


async def test_a_name_too_long_for_socks(upstream: Upstream) -> None:
    async with vendor(saying(b"\x05\x00", hold=True)) as server:
        for host in ("x" * 70, ".".join(["x" * 60] * 5)):
            origin = Origin("http", host, 80, f"socks5h://127.0.0.1:{server.origin.port}")
            assert await outcome(upstream, origin) is Kind.PROXY_FAILED


async def test_a_proxy_with_a_wrong_certificate(upstream: Upstream, authority: Authority) -> None:
    async with running(Proxy(), "https", authority.server("proxy.example")) as url:
        assert await outcome(upstream, Origin("http", "127.0.0.1", 80, url)) is Kind.PROXY_FAILED


async def test_the_vendors_certificate_is_checked_through_a_proxy(upstream: Upstream, authority: Authority) -> None:
    async with vendor(always(OK), tls=authority.server("vendor.example")) as server:
        for kind in ("http", "socks5"):
            async with running(Proxy(), kind) as url:
                assert await outcome(upstream, through(server.origin, url)) is Kind.TLS_FAILED
                assert upstream.stats() == {}


async def test_cancelled_in_the_tunnel(upstream: Upstream) -> None:
    async with vendor(saying(hold=True)) as server:
        for kind in ("http", "https", "socks5h"):
            origin = Origin("https", "vendor.example", 443, f"{kind}://127.0.0.1:{server.origin.port}")
            task = asyncio.get_running_loop().create_task(call(upstream, origin))
            await asyncio.sleep(0.03)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert upstream.stats() == {}
            await eventually(lambda: server.open == 0)
