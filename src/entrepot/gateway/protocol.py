"""The server's edge: uvicorn's HTTP/1.1 protocol with limits, timeouts and news of clients that leave.

uvicorn 0.54 alone takes headers without bound, waits for ever on half-sent requests, starts the
application before it has seen that the framing is wrong, appends trailers to the request's headers,
writes its 400 into the middle of a running answer, keeps reading paused after a large body (and so
never learns that the client left), and serves an upgrade request whose body llhttp did not read.
Each of these has its place below and its test.
"""

import asyncio
import logging
import urllib.parse
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.server import ServerState

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.connection import EXTENSION, Bell, CloseDelimited, Connection, Edge, Expecting
from entrepot.gateway.connection import EdgeLimits as EdgeLimits
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.patience import BETWEEN, BODY, HEAD, PatientProtocol

_log = logging.getLogger("entrepot.gateway")

_MAX_PIPELINE = 8
"""Requests that may wait behind a running one; the connection closes after them."""
_MAX_SURPLUS = 256 * 1024
"""Bytes of a body that we read and drop after an early answer, so that the connection can be used again."""
_WATCHED = frozenset((b"expect", b"host", b"transfer-encoding"))


class _RefusedError(Exception):
    """Leaves a parser callback; the reason is in `EdgeProtocol._wrong`."""


class EdgeProtocol(PatientProtocol):
    """One client's connection.

    `scope["extensions"]["entrepot.connection"]` is the request's `Connection`. Faults of the
    transport level are answered here, in the shape that `Edge.render` gives, and close the connection.
    """

    __slots__ = ("_coding", "_hosts", "_late", "_surplus", "_wrong")

    cycle: Cycle  # pyright: ignore[reportIncompatibleVariableOverride]

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        edge: Edge,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop, edge=edge)
        self._surplus = 0
        self._hosts = 0
        self._coding = b""
        self._wrong: Fault | None = None
        self._late: Fault | None = None
        """A refusal that waits until the answers before it are out."""

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        self._run += len(data)
        try:
            if self._run <= self._limits.max_header:
                self.parser.feed_data(data)
            else:
                self._feed_long(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._object(error)
            return
        if (self._phase or self._run) and not self._deaf:
            self._expect_more()

    # --- the parser's events

    def on_message_begin(self) -> None:
        if len(self._queue) >= _MAX_PIPELINE:
            self._queue[-1].keep_alive = False
            self._deaf = True
            raise _RefusedError
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._phase = HEAD
        self._hosts = 0
        self._coding = b""

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._phase == BODY:
            return  # a trailer: the application already acts on the headers
        name = name.lower()
        if name in _WATCHED:
            if name == b"host":
                self._hosts += 1
            elif name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
            else:
                self._coding += value
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        self._wrong = self._objection(version)
        if self._wrong is not None:
            raise _RefusedError
        cycle = Cycle(
            scope=self._scope(version),
            transport=cast("asyncio.Transport", self._outlet),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=Bell(),
            expect_100_continue=self.expect_100_continue and version == "1.1",
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._phase = BODY
        self._run = self._surplus = 0
        self._head_open = False
        self.headers = []  # the scope's alone now
        self.cycle = cycle
        if self._running is None:
            self._begin(cycle)
        else:
            # Reading goes on (uvicorn pauses it): only so do we learn that the client left.
            self._queue += (cycle,)

    def on_body(self, body: bytes) -> None:
        self._run = 0
        cycle = self.cycle
        if cycle.response_complete:
            self._surplus += len(body)
            return
        if cycle.add(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._phase = BETWEEN
        self._run = 0
        cycle = self.cycle
        if cycle.response_complete:
            self._rest()
            return
        cycle.more_body = False
        cycle.message_event.set()
        if self.flow.read_paused:
            self.flow.resume_reading()

    def _expect_more(self) -> None:
        """A read ended within a request."""
        if self._phase == BODY:
            if not self._run:
                self._since = self.loop.time()
            if self._surplus > _MAX_SURPLUS:
                self._hang_up()
            self._arm(self._since + self._limits.body_timeout)
            return
        if not self._head_open:
            self._head_open = True
            self._since = self.loop.time()
        if self._phase == HEAD and len(self.headers) > self._limits.max_headers:
            self._refuse(self._too_large())
        self._arm(self._since + self._limits.header_timeout)

    # --- requests and answers

    def _begin(self, cycle: Cycle) -> None:
        app = self.app
        connection = Connection(cycle, self._cut)
        cast("dict[str, Any]", cycle.scope)["extensions"] = {EXTENSION: connection}
        self._running = connection
        if cycle.scope["http_version"] == "1.0":
            app = CloseDelimited(app, cycle)
        elif cycle.waiting_for_100_continue:
            app = Expecting(app, cycle)
        task = self.loop.create_task(self._answer(connection, app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _answer(self, connection: Connection, app: ASGI3Application) -> None:
        cycle = connection.cycle
        try:
            await app(cycle.scope, cycle.receive, cycle.send)
        except asyncio.CancelledError:
            self._break_off(connection, Kind.DRAINING)
            raise
        except Exception:  # noqa: BLE001  the outermost wrapper of a request's task: logged, answered, gone
            _log.exception("the application failed")
            self._break_off(connection, Kind.INTERNAL)
        else:
            if connection is self._running:
                _log.error("the application returned before its answer was complete")
                self._break_off(connection, Kind.INTERNAL)
        finally:
            cycle.on_response = _nothing
            connection.detach()

    def _break_off(self, connection: Connection, kind: Kind) -> None:
        """End an answer that its application left unfinished."""
        if connection is not self._running:
            return
        self._running = None
        if connection.cycle.visible:
            self._hang_up()
        else:
            self._write_fault(Fault(kind), linger=False)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._running = None
        if self._ending:
            return
        if self.flow.read_paused:
            self.flow.resume_reading()
        if self._queue:
            cycle, *rest = self._queue
            self._queue = tuple(rest)
            self._begin(cycle)
        elif self._late is not None:
            self._write_fault(self._late, linger=True)
        else:
            self._rest()

    def _rest(self) -> None:
        """A request is over: keep only what the next one needs."""
        if self._phase == BODY:
            return
        self.cycle = cast("Cycle", None)
        if self._phase == BETWEEN and not self._head_open:
            self.headers = cast("Any", None)
            self.url = b""
            self._since = self.loop.time()
            self._arm(self._since + self._limits.keepalive_timeout)

    def _scope(self, version: str) -> HTTPScope:
        parsed = httptools.parse_url(self.url)
        raw_path = parsed.path or b"/"
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": version,
            "method": self.parser.get_method().decode("ascii"),
            "scheme": self.scheme or "http",
            "path": urllib.parse.unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": parsed.query or b"",
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
        }

    def _objection(self, version: str) -> Fault | None:
        """What is wrong with a head that llhttp let pass.

        llhttp 9 itself refuses Content-Length beside Transfer-Encoding, repeated, listed or signed lengths,
        folded headers and bare line ends (tests/gateway/test_protocol.py has the list), but reports a
        coding other than chunked only after this event, and takes `gzip, chunked` and HTTP/2.0.
        """
        if self.parser.should_upgrade():
            return Fault(Kind.MALFORMED_HTTP, "Protocol upgrades are not offered here.", code="upgrade_not_supported")
        if version not in {"1.1", "1.0"}:
            return Fault(Kind.MALFORMED_HTTP, f"HTTP/{version} is not spoken here.")
        if len(self.headers) > self._limits.max_headers:
            return self._too_large()
        if self._hosts != 1 and (version == "1.1" or self._hosts):
            return Fault(Kind.MALFORMED_HTTP, "The request needs exactly one Host header.")
        if self._coding and (version == "1.0" or self._coding.strip().lower() != b"chunked"):
            return Fault(Kind.MALFORMED_HTTP, "The only transfer coding taken here is chunked, in HTTP/1.1.")
        return None

    def _too_large(self) -> Fault:
        limits = self._limits
        return Fault(
            Kind.HEADERS_TOO_LARGE,
            f"The request's headers are over the limit of {limits.max_header} bytes and {limits.max_headers} lines.",
        )

    def _feed_long(self, data: bytes) -> None:
        """Feed in slices, so that a head over the limit is found before it is parsed to its end.

        Exact for a head that begins where a read begins; a pipelined one may grow to twice the limit.
        """
        rest = memoryview(data)
        self._run -= len(rest)
        while rest:
            room = self._limits.max_header - self._run
            if room <= 0:
                self._refuse(self._too_large())
                return
            part, rest = rest[:room], rest[room:]
            self._run += len(part)
            self.parser.feed_data(part)

    def _object(self, error: Exception) -> None:
        """The parser stopped."""
        if self._deaf:
            return
        if self._wrong is None:
            _log.debug("malformed request", exc_info=error)
        self._refuse(self._wrong or Fault(Kind.MALFORMED_HTTP))

    def _refuse(self, fault: Fault) -> None:
        """Answer what is arriving with a fault, after the answers before it, and close."""
        self._deaf = True
        self._edge.refused(fault.kind)
        connection = self._running
        if self._phase == BODY and connection is not None and connection.cycle is self.cycle:
            self._lose("stalled" if fault.kind is Kind.SLOW_CLIENT else "left")
            if connection.cycle.visible:
                self._abort()
            else:
                self._write_fault(fault, linger=True)
        elif connection is not None:
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
            *self.server_state.default_headers,
            *rendered.headers,
            (b"x-request-id", self._edge.request_id().encode("ascii")),
            (b"content-length", b"%d" % len(rendered.body)),
            (b"connection", b"close"),
        )
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join((STATUS_LINE[rendered.status], *lines, b"\r\n", rendered.body)))
        self._hang_up(linger=linger)


def _nothing() -> None:
    """Stands in for the callback of a request that is over."""
