"""Opening a connection: resolve, connect, pass the proxy, start TLS; each failure under its own name."""

import asyncio
import errno
import socket
import ssl
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.upstream.guard import Guard
from entrepot.upstream.resolver import Resolver
from entrepot.upstream.tunnel import Pipe, connect, refused, socks5

Opened: TypeAlias = tuple[asyncio.Transport, Pipe]

_PATIENCE = 1.5
"""Seconds for an address while others are left: uvloop has no happy eyeballs, and a dead IPv6 route must not cost all."""
_OURS = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)
_PROXY_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Dialer:
    """Opens connections. Every origin behind a proxy is reached through a tunnel, plain http ones too (CONNECT)."""

    __slots__ = ("_context", "_guard", "_resolver")

    def __init__(self, context: ssl.SSLContext, guard: Guard | None = None) -> None:
        """`guard`: for addresses that come from clients, not from the operator."""
        self._context = context
        self._guard = guard
        self._resolver = Resolver()

    async def dial(self, origin: Origin, protocol: asyncio.Protocol) -> None:
        """Open a connection and hand it to `protocol` (its `connection_made` is called). Raises Fault."""
        transport, pipe = await self._open(origin)
        try:
            if origin.scheme == "https":
                transport, pipe = await self._start_tls(transport, pipe, origin.host)
            pipe.check_silent(Kind.VENDOR_RESET)
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
        except BaseException:
            transport.abort()
            raise

    async def _open(self, origin: Origin) -> Opened:
        """A byte stream to the origin."""
        if origin.scheme == "unix":
            try:
                return await asyncio.get_running_loop().create_unix_connection(Pipe, origin.host)
            except OSError as error:
                raise Fault(_kind(error)) from error
        if origin.proxy is None:
            return await self._tcp(origin.host, origin.port)
        try:
            return await self._tunnel(origin, urlsplit(origin.proxy))
        except Fault as fault:
            if fault.kind in (Kind.PROXY_FAILED, Kind.POOL_EXHAUSTED):
                raise
            raise refused(f"the proxy itself: {fault.kind}") from fault
        except ValueError:
            raise refused("its URL is not valid") from None

    async def _tunnel(self, origin: Origin, proxy: SplitResult) -> Opened:
        if proxy.scheme not in _PROXY_PORTS or not proxy.hostname:
            raise refused("its URL must be http, https, socks5 or socks5h")
        host = (await self._resolver.resolve(origin.host))[0] if proxy.scheme == "socks5" else origin.host
        transport, pipe = await self._tcp(proxy.hostname, proxy.port or _PROXY_PORTS[proxy.scheme])
        try:
            if proxy.scheme == "https":
                transport, pipe = await self._start_tls(transport, pipe, proxy.hostname)
            ask = socks5 if proxy.scheme.startswith("socks") else connect
            await ask(pipe, proxy, host, origin.port)
            pipe.check_silent(Kind.PROXY_FAILED)
        except BaseException:
            transport.abort()
            raise
        return transport, pipe

    async def _tcp(self, host: str, port: int) -> Opened:
        addresses = list(await self._resolver.resolve(host))
        for index, address in enumerate(addresses):
            if self._guard is not None:
                self._guard.check(address)
            try:
                async with asyncio.timeout(_PATIENCE if index + 1 < len(addresses) else None):
                    opened = await asyncio.get_running_loop().create_connection(Pipe, address, port)
            except OSError as error:  # also the timeout
                if index + 1 == len(addresses):
                    raise Fault(_kind(error)) from error
            else:
                if index:
                    self._resolver.prefer(host, address)
                _keep_alive(opened[0])
                return opened
        raise Fault(Kind.DNS_FAILED)

    async def _start_tls(self, transport: asyncio.Transport, pipe: Pipe, name: str) -> Opened:
        secured = Pipe()
        try:
            pipe.check_silent(Kind.TLS_FAILED)
            secure = await asyncio.get_running_loop().start_tls(transport, secured, self._context, server_hostname=name)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a name that cannot be one
            raise Fault(Kind.TLS_FAILED) from error
        if secure is None:
            raise Fault(Kind.TLS_FAILED)
        secured.connection_made(secure)
        return secure, secured


def _kind(error: OSError) -> Kind:
    """An error of connect(2). Running out of our own sockets is not the vendor's fault."""
    if error.errno in _OURS:
        return Kind.POOL_EXHAUSTED
    return Kind.CONNECT_TIMEOUT if isinstance(error, TimeoutError) else Kind.CONNECT_REFUSED


def _keep_alive(transport: asyncio.Transport) -> None:
    """Ask the kernel to notice a vendor that vanished while we wait for a long answer."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
