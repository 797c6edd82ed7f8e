"""What is said to a proxy before the vendor is at the other end: HTTP CONNECT, SOCKS5."""

import asyncio
import base64
import ipaddress
from typing import cast
from urllib.parse import SplitResult, unquote

from entrepot.core.faults import Fault, Kind
from entrepot.upstream.resolver import is_address

_MAX_HEAD = 16 * 1024
_SOCKS_USER = 2


class Pipe(asyncio.Protocol):
    """A fresh connection before it carries HTTP: plain reads and writes."""

    __slots__ = ("_buffer", "_ended", "_transport", "_waiter")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._wake()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - how it ended is the same to us
        self._ended = True
        self._wake()

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def exactly(self, count: int) -> bytes:
        """The next `count` bytes. Raises Fault."""
        while len(self._buffer) < count:
            await self._arrival()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    async def until(self, mark: bytes) -> bytes:
        """All up to and with `mark`. Raises Fault."""
        while (at := self._buffer.find(mark)) == -1:
            if len(self._buffer) > _MAX_HEAD:
                raise refused("its answer does not end")
            await self._arrival()
        return await self.exactly(at + len(mark))

    def check_silent(self, kind: Kind) -> None:
        """Ready for TLS or HTTP, where the other side never speaks first. Raises a Fault of `kind`."""
        if self._buffer or self._ended:
            raise Fault(kind)

    async def _arrival(self) -> None:
        if self._ended:
            raise refused("it closed the connection")
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def refused(note: str) -> Fault:
    """A PROXY_FAILED whose note (for the log, not for the client) says why."""
    fault = Fault(Kind.PROXY_FAILED)
    fault.add_note(note)
    return fault


async def connect(pipe: Pipe, proxy: SplitResult, host: str, port: int) -> None:
    """Ask an HTTP proxy for a tunnel (RFC 9110, 9.3.6). Raises Fault."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    head = f"CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n"
    if proxy.username is not None:
        secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        head += f"proxy-authorization: Basic {base64.b64encode(secret.encode()).decode()}\r\n"
    pipe.write(f"{head}\r\n".encode())
    line = (await pipe.until(b"\r\n\r\n")).split(b"\r\n", 1)[0]
    version, _, status = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not status.startswith(b"2"):
        raise refused(f"CONNECT was answered with {line[:100]!r}")


async def socks5(pipe: Pipe, proxy: SplitResult, host: str, port: int) -> None:
    """Ask a SOCKS5 proxy for a tunnel (RFC 1928, password: RFC 1929); a name is resolved there. Raises Fault."""
    pipe.write(b"\x05\x01\x00" if proxy.username is None else b"\x05\x02\x00\x02")
    version, method = await pipe.exactly(2)
    if method == _SOCKS_USER and proxy.username is not None:
        user, password = (unquote(part).encode()[:255] for part in (proxy.username, proxy.password or ""))
        pipe.write(bytes((1, len(user))) + user + bytes((len(password),)) + password)
        if (await pipe.exactly(2))[1] != 0:
            raise refused("SOCKS user or password not accepted")
    elif version != 5 or method != 0:
        raise refused(f"SOCKS version {version} method {method} is not for us")
    pipe.write(b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2, "big"))
    _, reply, _, kind = await pipe.exactly(4)
    if reply != 0:
        raise refused(f"SOCKS reply {reply}")
    size = {1: 4, 4: 16}.get(kind) or (await pipe.exactly(1))[0]
    await pipe.exactly(size + 2)


def _socks_address(host: str) -> bytes:
    if is_address(host):
        packed = ipaddress.ip_address(host).packed
        return (b"\x01" if len(packed) == 4 else b"\x04") + packed
    name = host.encode("idna")
    if len(name) > 255:
        raise Fault(Kind.DNS_FAILED)
    return bytes((3, len(name))) + name
