"""A scripted server on a real socket: what a vendor may do on its good and bad days."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trustme

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.upstream.client import Upstream
from entrepot.upstream.response import Response

LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Authority:
    """A certificate authority and the file with its certificate."""

    ca: trustme.CA
    file: Path

    def server(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        return context


@dataclass
class Peer:
    """The server's side of one connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def request(self) -> tuple[bytes, bytes]:
        """Head and body of the next request."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        size = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                size = int(line.split(b":")[1])
        return head, await self.reader.readexactly(size)

    async def send(self, *pieces: bytes) -> None:
        """Each piece on its own, with a moment in between."""
        for index, piece in enumerate(pieces):
            if index:
                await asyncio.sleep(0.005)
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Wait until the client has closed."""
        while await self.reader.read(65536):
            pass


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class Vendor:
    """A running server."""

    origin: Origin
    connections: int = 0
    open: int = 0
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


@asynccontextmanager
async def vendor(script: Script, *, tls: ssl.SSLContext | None = None, path: Path | None = None) -> AsyncIterator[Vendor]:
    """Run `script` for each connection; the connection closes when it returns."""

    async def serve(peer: Peer) -> None:
        state.open += 1
        try:
            await script(peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            state.open -= 1
            peer.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        state.connections += 1
        task = asyncio.get_running_loop().create_task(serve(Peer(reader, writer, state.connections)))
        state.tasks.add(task)
        task.add_done_callback(state.tasks.discard)

    if path is not None:
        server = await asyncio.start_unix_server(accept, path)
        state = Vendor(Origin("unix", str(path), 0))
    else:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        state = Vendor(Origin("https" if tls else "http", "localhost" if tls else "127.0.0.1", port))
    try:
        yield state
    finally:
        await asyncio.sleep(0.002)  # uvloop forgets a connection whose server closes while it is being accepted
        server.close()
        for task in list(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await asyncio.sleep(0.002)


def answering(*answers: bytes) -> Script:
    """Each request on a connection gets the next answer; after the last one the connection closes."""

    async def script(peer: Peer) -> None:
        for answer in answers:
            await peer.request()
            await peer.send(answer)

    return script


def always(answer: bytes) -> Script:
    """Every request gets this answer, for ever."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answer)

    return script


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with content-length."""
    lines = [b"HTTP/1.1 " + status, *headers, b"content-length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


OK = whole(b"ok")


def request(origin: Origin, body: bytes = b"", headers: Headers = (), target: bytes = b"/") -> Request:
    return Request(b"POST", origin, target, headers, body)


async def call(
    upstream: Upstream, origin: Origin, timeouts: Timeouts | None = None, *, method: bytes = b"POST", body: bytes = b""
) -> tuple[int, Headers, bytes]:
    """One whole call."""
    response = await upstream.send(Request(method, origin, b"/", (), body), timeouts or Timeouts(connect=5, first_byte=5))
    try:
        return response.status, response.headers, await response.read(LIMIT)
    finally:
        response.close()


async def opened(upstream: Upstream, origin: Origin, timeouts: Timeouts | None = None) -> Response:
    """Only the beginning of a call."""
    return await upstream.send(request(origin), timeouts or Timeouts(connect=5, first_byte=5))


async def drain(response: Response) -> tuple[bytes, Kind | None]:
    """What a stream gives, and the fault it ends in."""
    data = b""
    try:
        while piece := await response.chunk():
            data += piece
    except Fault as fault:
        return data, fault.kind
    finally:
        response.close()
    return data, None


async def outcome(upstream: Upstream, origin: Origin, timeouts: Timeouts | None = None) -> bytes | Kind:
    """The body of a call, or the kind of fault it ended in."""
    try:
        return (await call(upstream, origin, timeouts))[2]
    except Fault as fault:
        return fault.kind


async def eventually(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    """Wait until something is so."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it did not come about"
        await asyncio.sleep(0.005)
