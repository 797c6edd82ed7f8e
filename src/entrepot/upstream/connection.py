"""One connection to an origin: writes a request, parses its answer, watches the time."""

import asyncio
import ssl
from math import inf
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from entrepot.core.faults import Kind
from entrepot.core.http import Timeouts
from entrepot.kit.headtext import HeadText, Names
from entrepot.upstream.response import Response

MAX_HEAD = 64 * 1024
"""Bytes of an answer's head, informational ones included; also of framing without any body."""
MAX_HEADERS = 256
MAX_UNREAD = 64 * 1024
"""Unread bytes of a body at which reading from the vendor pauses."""
SLICE = 64 * 1024
"""Longer request bodies are written in pieces of this size, as fast as the vendor takes them."""

_READ = Names(b"transfer-encoding", b"content-length", b"content-encoding", b"content-type")
"""What is read of every answer's head; whoever wants more may ask for it."""


class Owner(Protocol):
    """The pool that a connection belongs to."""

    def add(self, connection: "Connection") -> None:
        """It is open."""
        ...

    def release(self, connection: "Connection") -> None:
        """Its answer is complete; it may carry another call."""
        ...

    def forget(self, connection: "Connection") -> None:
        """It is closed. Told once."""
        ...


class Connection(asyncio.Protocol):
    """Carries one call at a time.

    One timer serves all its time limits. It is set anew only when it fires or when something is
    due earlier, so neither a call on a reused connection nor a streamed chunk costs one.
    """

    __slots__ = (
        "_complete", "_due", "_ends", "_keepalive", "_least", "_loop", "_mark", "_meta", "_owner", "_parser", "_response",
        "_rest", "_spoiled", "_started", "_status", "_text", "_timeouts", "_timer", "_transport", "_until_eof",
        "_without_body", "_writable", "closed", "on_body", "used",
    )  # fmt: skip

    _transport: asyncio.Transport

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, keepalive: float) -> None:
        self._owner = owner
        self._loop = loop
        self._keepalive = keepalive
        self._timer: asyncio.TimerHandle | None = None
        self._due = inf
        self._mark = loop.time()
        self._writable = True
        self._timeouts: Timeouts | None = None
        self._least = 0.0
        """The shortest of all silences that matter: nothing can be due earlier."""
        self._response: Response | None = None
        self._rest: memoryview | None = None
        self.closed = False
        self.used = 0
        """Calls carried so far."""

    def send(self, head: bytes, body: bytes, timeouts: Timeouts, ends: float) -> Response:
        """Write a request; the Response fills as its answer arrives. `ends`: loop time by which all must be over."""
        self.used += 1
        if timeouts is not self._timeouts:
            self._timeouts = timeouts
            self._least = min(timeouts.first_byte or inf, timeouts.idle or inf, self._keepalive)
        self._ends = ends
        self._mark = self._loop.time()
        self._status = self._meta = 0
        self._text = b""
        self._started = self._complete = self._spoiled = self._until_eof = False
        self._without_body = head.startswith(b"HEAD ")
        response = self._response = Response(self, self._loop)
        # The parser puts body bytes straight into the list; a new parser a call costs 0.2 µs and has no past.
        self.on_body = response.parts.append
        self._parser = HttpResponseParser(self)
        if len(body) <= SLICE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._rest = memoryview(body)
            self._write_on()
        self._arm()
        return response

    @property
    def usable(self) -> bool:
        """It can carry a call."""
        return not (self.closed or self._transport.is_closing())

    @property
    def answered(self) -> bool:
        """Some byte of an answer to the last call came."""
        return bool(self._status or self._meta)

    def resume(self) -> None:
        """Read on after the reader has caught up."""
        self._mark = self._loop.time()
        self._transport.resume_reading()
        self._arm()

    def drop(self) -> None:
        """Close at once."""
        self._leave()
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._transport.abort()
        self._owner.forget(self)

    def fail(self, kind: Kind) -> None:
        """Close at once; the call on it, if any, ends in a fault."""
        if self._response is not None:
            self._response.fail(kind, None)
        self.drop()

    # What the event loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._owner.add(self)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            self.drop()  # nobody asked: it might be taken for the answer to the next call
            return
        self._mark = self._loop.time()
        in_head = not self._status
        if in_head:
            self._text = self._text + data if self._text else data
            self._count_head(len(data))
        parts = response.parts
        had = len(parts)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._spoiled = True
            if not self._complete:
                response.fail(Kind.VENDOR_GARBAGE, error)
                return
        if self._complete:
            self._finish(response)
        elif len(parts) != had:
            self._meta = 0
            response.unread += len(data)
            if response.sink is not None:
                response.flow()
                return
            if response.unread > MAX_UNREAD:
                response.paused = True
                self._transport.pause_reading()
            if response.waiter is not None:
                response.wake()
        else:
            self._count_framing(response, 0 if in_head else len(data))

    def eof_received(self) -> None:
        response = self._response
        if response is not None and self._until_eof and self._is_clean_end():
            self._spoiled = True
            self._finish(response)
        else:
            self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._response is not None:
            cut = exc is None and self.answered
            self._response.fail(Kind.VENDOR_TRUNCATED if cut else Kind.VENDOR_RESET, exc)
        self.drop()

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._rest is not None:
            self._mark = self._loop.time()
            self._write_on()

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self._complete:
            raise HttpParserError("bytes after the end of the answer")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        head = self._head()
        if 100 <= status < 200:
            return
        coding = head.get(b"transfer-encoding")
        if not 200 <= status <= 599 or (coding is not None and coding.lower() != b"chunked"):
            raise HttpParserError("a status or a transfer-encoding that we do not take")
        if head.lines > MAX_HEADERS or len(head.text) > MAX_HEAD:
            raise HttpParserError("too many or too large headers")
        self._until_eof = coding is None and head.get(b"content-length") is None
        self._status = status
        self._meta = 0
        self._text = b""
        if self._response is not None:
            self._response.begin(status, head, None if self._without_body else head.get(b"content-encoding"))
        if self._without_body:
            self._complete = True
            raise HttpParserError("the parser cannot know that no body follows")

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = True
            self._spoiled |= not self._parser.should_keep_alive()
        else:  # an informational answer: the real one may still take its time
            self._started = False

    # Inside.

    def _head(self) -> HeadText:
        """The head that the parser has just read; what stands behind it is left."""
        text = self._text.lstrip(b"\r\n")
        end = text.find(b"\r\n\r\n") + 4
        if end < 4:
            raise HttpParserError("a head whose lines do not end in CRLF")
        self._text = text[end:]
        return HeadText(text[:end], _READ)

    def _is_clean_end(self) -> bool:
        """With TLS only close_notify is an end; a bare FIN may be somebody's who cuts in between."""
        secured = self._transport.get_extra_info("ssl_object")
        try:
            return secured is None or secured.read(1) == b""
        except ssl.SSLError:  # it waits for more
            return False

    def _count_head(self, size: int) -> None:
        self._meta += size
        if not self._started:
            self._started = True
            self._arm()

    def _count_framing(self, response: Response, size: int) -> None:
        """No body came: headers, chunk extensions and trailers must end some time."""
        self._meta += size
        if self._meta > MAX_HEAD:
            response.fail(Kind.VENDOR_GARBAGE, "headers, a chunk extension or trailers do not end")
        elif self._status:
            response.wake()

    def _finish(self, response: Response) -> None:
        """The answer is complete."""
        if self._spoiled or self._rest is not None:
            self.drop()
        else:
            self._leave()
            if response.paused:
                self._transport.resume_reading()
            self._arm()
            self._owner.release(self)
        response.end()

    def _leave(self) -> None:
        """No call is running any more. Also breaks the circle of parser and connection."""
        self._response = None
        self._rest = None
        self._parser = self.on_body = cast(HttpResponseParser, None)

    def _write_on(self) -> None:
        while self._rest is not None and self._writable:
            piece, rest = self._rest[:SLICE], self._rest[SLICE:]
            self._rest = rest if rest.nbytes else None
            self._transport.write(piece)

    def _deadline(self) -> tuple[float, Kind | None]:
        """When the time is up if nothing happens, and what that is; None: an unused connection ages."""
        timeouts = self._timeouts
        if self._response is None or timeouts is None:
            return self._mark + self._keepalive, None
        quiet, kind = timeouts.first_byte, Kind.VENDOR_SILENT
        if self._started:
            quiet, kind = timeouts.idle, Kind.VENDOR_STALLED
        when = inf if quiet is None or self._response.paused else self._mark + quiet
        return (when, kind) if when < self._ends else (self._ends, Kind.VENDOR_TOO_LONG)

    def _arm(self) -> None:
        """See to it that the timer fires in time."""
        if self._due <= self._mark + self._least and self._due <= self._ends:
            return  # whatever this waits for, the timer looks before
        when = self._deadline()[0]
        if when < self._due:
            self._set_timer(when)

    def _set_timer(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = when
        self._timer = self._loop.call_at(when, self._on_timer) if when < inf else None

    def _on_timer(self) -> None:
        when, kind = self._deadline()
        if when > self._loop.time() + 0.001:  # uvloop's timers are exact to a millisecond
            self._set_timer(when)
        else:
            self.fail(kind or Kind.VENDOR_STALLED)
