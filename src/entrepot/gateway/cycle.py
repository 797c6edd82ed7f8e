"""One request and its answer, as the edge shows them to the application.

No scope, no messages, no event that nobody waits for: what has come stands in attributes, and an answer
is written where it is made. The head goes out with the first piece of the body, in one write, and is checked as a
whole: as many line ends as lines, so that no header can end a line early. Measured: docs/benchmarks.md.
"""

import asyncio
import http
import sys
from collections.abc import Callable, Iterable
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import unquote

import httptools

from entrepot.kit.headtext import HeadText

Reason: TypeAlias = Literal["left", "stalled"]
"""`left`: the client closed or broke the connection; `stalled`: it stopped reading, or stopped sending its body."""

STATUS_LINE: Final = {status.value: b"HTTP/1.1 %d %b" % (status, status.phrase.encode()) for status in http.HTTPStatus}

_TOGETHER = 64 * 1024
"""A longer body is not copied only to save a write."""
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))


class Host(Protocol):
    """What an answer needs of its client's connection (gateway/protocol.py)."""

    transport: asyncio.Transport

    @property
    def full(self) -> bool:
        """The client takes less than we write."""
        ...

    @property
    def date(self) -> bytes:
        """The date header's line."""
        ...

    async def drain(self) -> None:
        """Wait until the client has taken enough, or is gone."""
        ...

    def wanted(self) -> None:
        """The application wants more of the request's body."""
        ...

    def cut(self, cycle: "Cycle") -> None:
        """The application gives its client up."""
        ...

    def answered(self, cycle: "Cycle") -> None:
        """The answer is complete."""
        ...


class Cycle:
    """A request, its answer, and its hold on the client. Belongs to that request alone, whatever the connection serves next.

    `gone` is true once the client cannot get the rest of the answer; it stays false when the
    client leaves after the answer was complete. Implements relay/exchange.py's Connection.
    """

    __slots__ = (
        "_callback", "_chunked", "_expected", "_head", "_host", "_pieces", "_transport", "_waiter", "_waiting",
        "awaits_continue", "client", "complete", "gone", "head", "keep_alive", "method", "more_body", "old", "path", "query",
        "raw_path", "reason", "started",
    )  # fmt: skip

    def __init__(self, host: Host, head: HeadText, client: tuple[str, int] | None, *, old: bool, keep_alive: bool) -> None:
        """Raises ValueError or HttpParserError for a target that is none."""
        method, target, _ = head.text[: head.text.find(b"\r\n")].split()
        if target[:1] != b"/" or b"#" in target:
            parsed = httptools.parse_url(target)
            self.raw_path: bytes = parsed.path or b"/"
            self.query: bytes = parsed.query or b""
        else:
            self.raw_path, _, self.query = target.partition(b"?")
        path = self.raw_path.decode("ascii")
        self.path = unquote(path) if "%" in path else path
        self.method = method.decode("ascii")
        self.head = head
        self.client = client
        self.old = old
        """HTTP/1.0: knows no chunks, so the end of the connection ends an answer without a length (RFC 9112, 7.1)."""
        self.keep_alive = keep_alive
        self.awaits_continue = False
        self._pieces: list[bytes | memoryview] = []
        """What has come of the request's body and was not taken yet."""
        self._waiting = 0
        self.more_body = True
        self.started = self.complete = self.gone = False
        self.reason: Reason = "left"
        """Why, where `gone`."""
        self._host = host
        self._transport = host.transport
        self._head = b""
        """What is to be written before the next piece of the answer's body."""
        self._chunked: bool | None = None
        self._expected = 0
        self._waiter: asyncio.Future[None] | None = None
        self._callback: Callable[[Reason], None] | None = None

    # The request.

    def add(self, piece: bytes | memoryview) -> int:
        """More of the request's body has come. Bytes that wait now."""
        self._pieces.append(piece)
        self._waiting += len(piece)
        return self._waiting

    def take(self) -> bytes:
        """What has come of the body since the last time. A body that came in one piece is never copied."""
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)

    async def arrival(self) -> None:
        """Wait until more of the body has come, or its end, or the client is gone or answered."""
        if self.awaits_continue and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.awaits_continue = False
        if not (self.gone or self.complete):
            self._host.wanted()
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def wake(self) -> None:
        """Let whoever waits for the body look again."""
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # The client.

    def on_gone(self, callback: Callable[[Reason], None] | None) -> None:
        """Have `callback` called once when the client is gone, before anything else runs; None takes it back.

        Called right here where the client is gone already. The callback must not raise.
        """
        self._callback = callback
        if self.gone:
            self._tell()

    def close_after(self) -> None:
        """Close the connection after this answer, and say so in its headers where they are not out yet."""
        self.keep_alive = False

    def abort(self) -> None:
        """Break the connection off at once; what was not sent is lost. The callback learns of it as `left`."""
        self._host.cut(self)

    def lose(self, reason: Reason) -> None:
        """The client is gone. Called by the protocol, once."""
        self.gone = True
        self.reason = reason
        self.wake()
        self._tell()

    def _tell(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self.reason)

    # The answer.

    @property
    def visible(self) -> bool:
        """The client may have seen something of the answer: it is too late for another one."""
        return self.started and not self._head

    @property
    def full(self) -> bool:
        """The client takes less than we write: `drain` before the next piece."""
        return self._host.full and not self.gone

    async def drain(self) -> None:
        """Wait until the client has taken enough, or is gone."""
        await self._host.drain()

    def start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The head of the answer, sent with the first piece. Raises RuntimeError for a header with a line break in it."""
        if self.started:
            raise RuntimeError("The application began its answer twice.")
        lines: list[bytes] = []
        for name, value in headers:
            lower = name.lower()
            if lower in _FRAMING:
                self._frame(lower, value)
            if lower != b"connection":  # ours to say
                lines.append(name + b": " + value)
        if self.awaits_continue:
            # Nobody can tell whether the body will still come (RFC 9110, 10.1.1).
            self.awaits_continue = self.keep_alive = False
        if self._chunked is None and self.old:
            self._chunked = False
            self._expected = sys.maxsize
        elif self._chunked is None and self.method != "HEAD" and status not in (204, 304):
            self._chunked = True
            lines.append(b"transfer-encoding: chunked")
        self._head = self._checked(status, lines)
        self.started = True

    def write(self, body: bytes, *, more: bool) -> None:
        """A piece of the answer's body; does nothing once the client is gone. Raises RuntimeError out of order."""
        if self.gone:
            return
        if self.complete or not self.started:
            raise RuntimeError("The application sent a piece of body out of order.")
        head = self._head
        if self.method == "HEAD":
            self._expected = 0
            data = head
        elif self._chunked:
            data = b"%b%x\r\n%b\r\n" % (head, len(body), body) if body else head
            if not more:
                data += b"0\r\n\r\n"
        else:
            data = self._counted(head, body)
        if head:
            self._head = b""
        if data:
            self._transport.write(data)
        if not more:
            self._end()

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> None:
        """A whole answer in one write; `headers` say nothing of framing."""
        if self.old or self.awaits_continue or self.started or self.method == "HEAD" or len(body) > _TOGETHER:
            self.start(status, (*headers, (b"content-length", b"%d" % len(body))))
            self.write(body, more=False)
        elif not self.gone:
            self.started = True
            lines = list(map(b": ".join, headers))
            lines.append(b"content-length: %d" % len(body))
            self._transport.write(self._checked(status, lines) + body)
            self._end()

    def _checked(self, status: int, lines: list[bytes]) -> bytes:
        """The head as bytes."""
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = b"\r\n".join((STATUS_LINE.get(status) or b"HTTP/1.1 %d " % status, self._host.date, *lines, b"", b""))
        breaks = len(lines) + 3
        if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
            raise RuntimeError("A header of the answer holds a line break.")
        return head

    def _frame(self, name: bytes, value: bytes) -> None:
        """A header that says how the answer ends."""
        if name == b"connection":
            if b"close" in [token.strip() for token in value.lower().split(b",")]:
                self.keep_alive = False
        elif name == b"transfer-encoding":
            if value.lower() == b"chunked":
                self._expected = 0
                self._chunked = True
        elif self._chunked is None:
            self._expected = int(value)
            self._chunked = False

    def _counted(self, head: bytes, body: bytes) -> bytes:
        """What to write next of an answer with a length, or with none at all."""
        if self._expected == sys.maxsize:
            return head + body
        self._expected -= len(body)
        if self._expected < 0:
            raise RuntimeError("The answer is longer than its content-length.")
        if head and len(body) > _TOGETHER:
            self._transport.write(head)
            return body
        return head + body

    def _end(self) -> None:
        if self._expected not in (0, sys.maxsize):
            raise RuntimeError("The answer is shorter than its content-length.")
        self.complete = True
        self.wake()
        self._host.answered(self)
