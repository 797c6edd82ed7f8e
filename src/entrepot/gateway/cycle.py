"""One answer on its way out: uvicorn's cycle with a leaner `send`.

uvicorn 0.54 runs two regular expressions over each header and writes head and body apart. Here the
head goes out with the first piece of the body, in one write, and is checked as a whole: as many line
ends as lines, so that no header can end a line early. Measured: docs/benchmarks.md.
"""

from typing import Any

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

_TOGETHER = 64 * 1024
"""A longer body is not copied only to save a write."""
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))


class Cycle(RequestResponseCycle):
    """A request and its answer. Header names are ours or llhttp's, in any case; only line ends are checked."""

    body: bytes | bytearray  # pyright: ignore[reportIncompatibleVariableOverride]
    """What has come of the request's body and was not received yet; a single piece is never copied."""
    _head = b""
    """What is to be written before the next piece of the answer's body."""

    @property
    def visible(self) -> bool:
        """The client may have seen something of the answer: it is too late for another one."""
        return self.response_started and not self._head

    async def receive(self) -> ASGIReceiveEvent:
        """ASGI's receive: what has come of the body, as soon as there is any."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not (self.disconnected or self.response_complete):
            self.flow.resume_reading()
            await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    def add(self, piece: bytes) -> int:
        """More of the request's body has come. Bytes that wait now."""
        if not self.body:
            self.body = piece
        else:
            if isinstance(self.body, bytes):
                self.body = bytearray(self.body)
            self.body += piece
        return len(self.body)

    async def send(self, message: ASGISendEvent) -> None:
        """ASGI's send. Waits while the client does not read. Raises RuntimeError where the application breaks ASGI's order."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        event: Any = message
        kind = event["type"]
        if kind == "http.response.body" and self.response_started and not self.response_complete:
            self._body(event.get("body", b""), more=event.get("more_body", False))
        elif kind == "http.response.start" and not self.response_started:
            self._start(event["status"], event.get("headers", ()))
        else:
            raise RuntimeError(f"The application sent {kind!r} out of order.")

    def _start(self, status: int, headers: Any) -> None:
        lines = [STATUS_LINE[status][:-2]]
        for name, value in (*self.default_headers, *headers):
            lower = name.lower()
            if lower in _FRAMING:
                self._frame(lower, value)
            if lower != b"connection":  # ours to say
                lines.append(name + b": " + value)
        if not self.keep_alive:
            lines.append(b"connection: close")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked")
        lines += (b"", b"")
        head = b"\r\n".join(lines)
        breaks = len(lines) - 1
        if head.count(b"\n") != breaks or head.count(b"\r") != breaks or b"\0" in head:
            raise RuntimeError("A header of the answer holds a line break.")
        self._head = head
        self.response_started = True
        self.waiting_for_100_continue = False

    def _frame(self, name: bytes, value: bytes) -> None:
        """A header that says how the answer ends."""
        if name == b"connection":
            if b"close" in [token.strip() for token in value.lower().split(b",")]:
                self.keep_alive = False
        elif name == b"transfer-encoding":
            if value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
        elif self.chunked_encoding is None:
            self.expected_content_length = int(value)
            self.chunked_encoding = False

    def _body(self, body: bytes, *, more: bool) -> None:
        head = self._head
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            data = head
        elif self.chunked_encoding:
            data = b"%b%x\r\n%b\r\n" % (head, len(body), body) if body else head
            if not more:
                data += b"0\r\n\r\n"
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("The answer is longer than its content-length.")
            data = head + body if head and len(body) <= _TOGETHER else body
            if data is body and head:
                self.transport.write(head)
        if head:
            self._head = b""
        if data:
            self.transport.write(data)
        if not more:
            self._end()

    def _end(self) -> None:
        if self.expected_content_length != 0:
            raise RuntimeError("The answer is shorter than its content-length.")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
