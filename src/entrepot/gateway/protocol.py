"""The server's edge: HTTP/1.1 on llhttp, with limits, timeouts and news of clients that leave.

llhttp judges heads and chunks; a body with a length passes it by. Heads are bounded, half-sent requests
end, no application starts before the framing is known to be right, a refusal never lands in the middle of a
running answer, and reading goes on while an answer is made, because only so do we learn that the
client left. Each of these has its place below and its test.
"""

import asyncio
import logging

import httptools

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import Edge
from entrepot.gateway.connection import EdgeLimits as EdgeLimits
from entrepot.gateway.cycle import STATUS_LINE, Cycle
from entrepot.gateway.patience import BETWEEN, BODY, HEAD, PatientProtocol
from entrepot.gateway.request import READ
from entrepot.kit.headtext import HeadText

_log = logging.getLogger("entrepot.gateway")

_MAX_PIPELINE = 8
"""Requests that may wait behind a running one; the connection closes after them."""
_MAX_SURPLUS = 256 * 1024
"""Bytes of a body that we read and drop after an early answer, so that the connection can be used again."""
_MAX_WAITING = 64 * 1024
"""Bytes of a body that wait for the application before we read no more."""
_CHUNKED = -1
"""In place of a body's length."""


class EdgeProtocol(PatientProtocol):
    """One client's connection. Faults of the transport level are answered here, as `Edge.render` words them, and close it."""

    __slots__ = ("_lasting", "_late", "_left", "_parser", "_run", "_surplus", "_text")

    def __init__(self, edge: Edge, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(edge, loop)
        self._parser: httptools.HttpRequestParser | None = None
        """Of the head that arrives, or of a body in chunks."""
        self._text = b""
        """What has come of a head."""
        self._lasting: bool | None = None
        """The head is complete, and whether the connection may be used again after it."""
        self._left = 0
        """Bytes of the body that are still to come, or _CHUNKED."""
        self._run = 0
        """Bytes of a body in chunks since its last piece."""
        self._surplus = 0
        self._late: Fault | None = None
        """A refusal that waits until the answers before it are out."""

    def data_received(self, data: bytes) -> None:
        rest: bytes | memoryview = data
        try:
            while rest and not self._deaf:
                rest = self._take_body(rest) if self._phase == BODY else self._take_head(bytes(rest))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self._object(error)
        if (self._phase or self._text) and not self._deaf:
            self._expect_more()

    # --- a head

    def _take_head(self, data: bytes) -> bytes | memoryview:
        """Read on in a head; what stands behind its end is left."""
        known = len(self._text)
        text = self._text + data if known else data
        blank = len(text) - len(text.lstrip(b"\r\n")) if text[0] in b"\r\n" else 0
        if not self._phase and blank < len(text) and not self._open():
            return b""
        end = text.find(b"\r\n\r\n", max(blank, known - 3))
        size = end + 4 if end >= 0 else len(text)
        if size > self._limits.max_header:
            self._refuse(self._too_large())
            return b""
        self._text = text
        parser = self._parser = self._parser or httptools.HttpRequestParser(self)
        if end < 0:
            parser.feed_data(data)
            return b""
        parser.feed_data(data[: size - known])
        if self._lasting is None:
            raise httptools.HttpParserError("no head where one should end")
        self._begun(HeadText(text[blank:size], READ), parser)
        rest = size - known
        return memoryview(data)[rest:] if len(data) - rest > _MAX_WAITING // 4 else data[rest:]

    def _open(self) -> bool:
        """A head begins; False where too many requests wait already."""
        if len(self._queue) >= _MAX_PIPELINE:
            self._queue[-1].keep_alive = False
            self._deaf = True
            return False
        self._phase = HEAD
        return True

    def on_headers_complete(self) -> None:
        """llhttp has read a whole head."""
        self._lasting = self._parser is not None and self._parser.should_keep_alive()

    def _begun(self, head: HeadText, parser: httptools.HttpRequestParser) -> None:
        """A request has arrived, perhaps without its body."""
        version = parser.get_http_version()
        length = head.get(b"content-length")
        wrong = self._objection(head, version)
        if wrong is not None:
            self._refuse(wrong)
            return
        cycle = Cycle(self, head, self.client, old=version == "1.0", keep_alive=version != "1.0" and self._lasting is True)
        if version == "1.1" and (expect := head.get(b"expect")) is not None:
            cycle.awaits_continue = expect.lower() == b"100-continue"
        if length is not None:
            self._left = int(length)
        else:
            self._left = 0 if head.get(b"transfer-encoding") is None else _CHUNKED
        self._phase = BODY
        self._text = b""
        self._lasting = None
        self._run = self._surplus = 0
        self._head_open = False
        if self._left != _CHUNKED:
            self._parser = None
        self.cycle = cycle
        if self._running is None:
            self._begin(cycle)
        else:
            self._queue += (cycle,)
        if self._left:
            self._since = self.loop.time()
        else:
            self._body_ended()

    def _objection(self, head: HeadText, version: str) -> Fault | None:
        """What is wrong with a head that llhttp let pass.

        llhttp 9 itself refuses Content-Length beside Transfer-Encoding, repeated, listed or signed lengths,
        folded headers and bare line ends (tests/gateway/test_protocol.py has the list), but reports a
        coding other than chunked too late, and takes `gzip, chunked` and HTTP/2.0.
        """
        if version not in {"1.1", "1.0"}:
            return Fault(Kind.MALFORMED_HTTP, f"HTTP/{version} is not spoken here.")
        if head.lines > self._limits.max_headers:
            return self._too_large()
        hosts = head.count(b"host")
        if hosts != 1 and (version == "1.1" or hosts):
            return Fault(Kind.MALFORMED_HTTP, "The request needs exactly one Host header.")
        codings = head.all(b"transfer-encoding")
        if codings and (version == "1.0" or len(codings) > 1 or codings[0].lower() != b"chunked"):
            return Fault(Kind.MALFORMED_HTTP, "The only transfer coding taken here is chunked, in HTTP/1.1.")
        return None

    def _too_large(self) -> Fault:
        limits = self._limits
        return Fault(
            Kind.HEADERS_TOO_LARGE,
            f"The request's headers are over the limit of {limits.max_header} bytes and {limits.max_headers} lines.",
        )

    # --- a body

    def _take_body(self, data: bytes | memoryview) -> bytes | memoryview:
        """Read on in a body; what stands behind its end is left."""
        if self._parser is not None:
            self._run += len(data)
            self._parser.feed_data(data)
            if self._phase != BODY:
                self._parser = None
                self._left = 0
            elif self._run > self._limits.max_header:
                self._refuse(self._too_large())
            return b""
        piece, rest = (data, b"") if len(data) <= self._left else (data[: self._left], data[self._left :])
        self._left -= len(piece)
        self._run = 0
        self._piece(piece)
        if not self._left:
            self._body_ended()
        elif self._phase == BODY:
            self._since = self.loop.time()
        return rest

    def on_body(self, body: bytes) -> None:
        """llhttp has unpacked a chunk, or some of it."""
        self._run = 0
        self._since = self.loop.time()
        self._piece(body)

    def on_message_begin(self) -> None:
        """llhttp sees a request. Behind a chunked one, in the same read, nobody knows where: the client has to ask again."""
        if self._left == _CHUNKED and self._phase != HEAD:
            self._deaf = True
            if self.cycle is None:
                self._hang_up()
            else:
                self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """llhttp has read a whole request."""
        if self._phase == BODY:
            self._body_ended()

    def _piece(self, piece: bytes | memoryview) -> None:
        cycle = self.cycle
        if cycle is None or cycle.complete:
            self._surplus += len(piece)
            return
        if cycle.add(piece) > _MAX_WAITING:
            self._enough()
        cycle.wake()

    def _body_ended(self) -> None:
        self._phase = BETWEEN
        self._run = 0
        cycle = self.cycle
        if cycle is None or cycle.complete:
            self._rest()
            return
        if not cycle.keep_alive:
            self._deaf = True
        cycle.more_body = False
        cycle.wake()
        self.wanted()

    def _expect_more(self) -> None:
        """A read ended within a request."""
        if self._phase == BODY:
            if self._surplus > _MAX_SURPLUS:
                self._hang_up()
            self._arm(self._since + self._limits.body_timeout)
            return
        if not self._head_open:
            self._head_open = True
            self._since = self.loop.time()
        if self._text.count(b"\n") > self._limits.max_headers + 2:
            self._refuse(self._too_large())
        self._arm(self._since + self._limits.header_timeout)

    # --- requests and answers

    def _begin(self, cycle: Cycle) -> None:
        self._running = cycle
        self._edge.tasks[cycle] = self.loop.create_task(self._answer(cycle))

    async def _answer(self, cycle: Cycle) -> None:
        try:
            await self._edge.app(cycle)
        except asyncio.CancelledError:
            self._break_off(cycle, Kind.DRAINING)
            raise
        except Exception:  # noqa: BLE001  the outermost wrapper of a request's task: logged, answered, gone
            _log.exception("the application failed")
            self._break_off(cycle, Kind.INTERNAL)
        else:
            if cycle is self._running:
                _log.error("the application returned before its answer was complete")
                self._break_off(cycle, Kind.INTERNAL)
        finally:
            cycle.on_gone(None)
            self._edge.tasks.pop(cycle, None)

    def _break_off(self, cycle: Cycle, kind: Kind) -> None:
        """End an answer that its application left unfinished."""
        if cycle is not self._running:
            return
        self._running = None
        if cycle.visible:
            self._hang_up()
        else:
            self._write_fault(Fault(kind), linger=False)

    def answered(self, cycle: Cycle) -> None:
        """The answer is complete: go on to the next request."""
        if cycle is not self._running:
            return
        self._running = None
        if not cycle.keep_alive:
            self._hang_up()
        if self._ending:
            return
        self.wanted()
        if self._queue:
            following, *rest = self._queue
            self._queue = tuple(rest)
            self._begin(following)
        elif self._late is not None:
            self._write_fault(self._late, linger=True)
        else:
            self._rest()

    def _rest(self) -> None:
        """A request is over: keep only what the next one needs."""
        if self._phase == BODY:
            return
        self.cycle = None
        if self._phase == BETWEEN and not self._head_open:
            self._since = self.loop.time()
            self._arm(self._since + self._limits.keepalive_timeout)

    def _object(self, error: Exception) -> None:
        """The parser stopped."""
        if self._deaf:
            return
        if isinstance(error, httptools.HttpParserUpgrade):
            message = "Protocol upgrades are not offered here."
            self._refuse(Fault(Kind.MALFORMED_HTTP, message, code="upgrade_not_supported"))
            return
        _log.debug("malformed request", exc_info=error)
        self._refuse(Fault(Kind.MALFORMED_HTTP))

    def _refuse(self, fault: Fault) -> None:
        """Answer what is arriving with a fault, after the answers before it, and close."""
        self._deaf = True
        self._edge.refused(fault.kind)
        cycle = self._running
        if self._phase == BODY and cycle is not None and cycle is self.cycle:
            self._lose("stalled" if fault.kind is Kind.SLOW_CLIENT else "left")
            if cycle.visible:
                self._abort()
            else:
                self._write_fault(fault, linger=True)
        elif cycle is not None:
            if self._phase == BODY:
                self._queue = self._queue[:-1]
            self._late = fault
        elif self._phase == BODY:
            self._hang_up()  # it was answered before its body had come
        else:
            self._write_fault(fault, linger=True)

    def _write_fault(self, fault: Fault, *, linger: bool) -> None:
        rendered = self._edge.render(fault)
        headers = (
            *rendered.headers,
            (b"x-request-id", self._edge.request_id().encode("ascii")),
            (b"content-length", b"%d" % len(rendered.body)),
            (b"connection", b"close"),
        )
        lines = (STATUS_LINE[rendered.status], self.date, *map(b": ".join, headers), b"", rendered.body)
        self.transport.write(b"\r\n".join(lines))
        self._hang_up(linger=linger)
