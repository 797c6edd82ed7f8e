"""Small real proxies: HTTP CONNECT and SOCKS5, with and without a password, obedient or not."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.upstream.vendor import Peer, vendor


@dataclass
class Proxy:
    """What a proxy wants and what it saw."""

    user: str | None = None
    password: str = ""
    reply: bytes = b"HTTP/1.1 200 Connection established\r\n\r\n"
    port: int = 0
    targets: list[str] = field(default_factory=list)

    async def connect(self, peer: Peer) -> None:
        """RFC 9110, CONNECT."""
        head, _ = await peer.request()
        if self.user is not None:
            secret = base64.b64encode(f"{self.user}:{self.password}".encode())
            if b"proxy-authorization: Basic " + secret not in head.split(b"\r\n"):
                await peer.send(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                return
        target = head.split(b" ")[1].decode()
        self.targets.append(target)
        host, _, port = target.rpartition(":")
        await self._pass(peer, host.strip("[]"), int(port), self.reply)

    async def socks5(self, peer: Peer) -> None:
        """RFC 1928 and 1929."""
        _, count = await peer.reader.readexactly(2)
        methods = await peer.reader.readexactly(count)
        wanted = 0 if self.user is None else 2
        if wanted not in methods:
            await peer.send(b"\x05\xff")
            return
        await peer.send(bytes((5, wanted)))
        if wanted:
            given = []
            await peer.reader.readexactly(1)
            for _ in range(2):
                size = (await peer.reader.readexactly(1))[0]
                given.append((await peer.reader.readexactly(size)).decode())
            good = given == [self.user, self.password]
            await peer.send(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        _, _, _, kind = await peer.reader.readexactly(4)
        if kind == 3:
            host = (await peer.reader.readexactly((await peer.reader.readexactly(1))[0])).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, await peer.reader.readexactly(size))
        port = int.from_bytes(await peer.reader.readexactly(2), "big")
        self.targets.append(f"{host}:{port}")
        await self._pass(peer, host, port, b"\x05\x00\x00\x03\x05proxy\x00\x00")

    async def _pass(self, peer: Peer, host: str, port: int, reply: bytes) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        await peer.send(reply)
        copies = [
            asyncio.get_running_loop().create_task(copy(peer.reader, writer)),
            asyncio.get_running_loop().create_task(copy(reader, peer.writer)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in copies:
                task.cancel()
            await asyncio.gather(*copies, return_exceptions=True)
            writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


@asynccontextmanager
async def running(proxy: Proxy, kind: str, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The proxy's URL."""
    async with vendor(proxy.socks5 if kind.startswith("socks") else proxy.connect, tls=tls) as server:
        proxy.port = server.origin.port
        secret = "" if proxy.user is None else f"{proxy.user}:{proxy.password}@"
        yield f"{kind}://{secret}localhost:{proxy.port}"
