"""A raw HTTP/1.1 client on a plain socket: sends exactly the bytes it is given, and reads with a deadline."""

import asyncio
import socket
import struct
from dataclasses import dataclass
from typing import Self

import msgspec


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came. `headers` has lower-case names; of a repeated header the last counts."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True
    """False where the connection ended inside the body."""

    @property
    def error(self) -> dict[str, object]:
        """The `error` object of an answer in OpenAI's shape."""
        return msgspec.json.decode(self.body, type=dict[str, dict[str, object]])["error"]


class RawClient:
    """One connection. Use `async with await RawClient.open(port) as client`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, *, receive_buffer: int | None = None) -> "RawClient":
        """Connect to 127.0.0.1. `receive_buffer` bounds what the kernel takes for us (bytes)."""
        sock = socket.socket()
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        return cls(*await asyncio.open_connection(sock=sock))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def send(self, data: bytes) -> None:
        """Write all of `data`. A connection that the server broke is no error here."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    async def ask(self, data: bytes, *, head: bool = False, wait: float = 5.0) -> Answer:
        """Send and read one answer."""
        await self.send(data)
        return await self.answer(head=head, wait=wait)

    async def answer(self, *, head: bool = False, wait: float = 5.0) -> Answer:
        """Read one answer. Raises EOFError where the connection ends before its headers do."""
        async with asyncio.timeout(wait):
            return await self._answer(head)

    async def closed(self, wait: float = 5.0) -> bytes:
        """Read until the server closes; what came. A reset counts as closed. Raises TimeoutError."""
        chunks = bytearray()
        async with asyncio.timeout(wait):
            try:
                while data := await self.reader.read(65536):
                    chunks += data
            except ConnectionError:
                pass
        return bytes(chunks)

    def reset(self) -> None:
        """Leave at once with a TCP reset."""
        if self.writer.transport.is_closing():
            return
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def _answer(self, head: bool) -> Answer:
        try:
            status, headers = await self._head()
            while status == 100:
                status, headers = await self._head()
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise EOFError(getattr(error, "partial", b"")) from None
        if head or status in {204, 304}:
            return Answer(status, headers, b"")
        body = bytearray()
        try:
            await self._body(headers, body)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            return Answer(status, headers, bytes(body) + getattr(error, "partial", b""), complete=False)
        return Answer(status, headers, bytes(body))

    async def _head(self) -> tuple[int, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in lines[1:] if line)
        return int(lines[0].split(" ")[1]), {name.lower(): value.strip() for name, value in pairs}

    async def _body(self, headers: dict[str, str], body: bytearray) -> None:
        if "content-length" in headers:
            body += await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        else:
            body += await self.reader.read()


def get(path: str = "/", *headers: str, method: str = "GET") -> bytes:
    """A request without a body; `headers` are whole lines."""
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: test", *headers, "", "")).encode("latin-1")


def post(body: bytes, path: str = "/", *headers: str) -> bytes:
    """A request with a body and its length."""
    return get(path, f"Content-Length: {len(body)}", *headers, method="POST") + body
