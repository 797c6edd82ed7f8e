"""The sandbox as an ASGI app: paths, the bearer secret, faults, and counters for tests."""

import hmac
from collections import deque
from typing import Any, TypeAlias

import msgspec

from entrepot.kit import json
from entrepot.kit.clock import Clock, SystemClock
from entrepot.kit.tasks import TaskGroup
from entrepot.sandbox import delivery, endpoints, faults
from entrepot.sandbox.answers import Answer, Refusal, Stream, Whole, refusal, stamp
from entrepot.sandbox.delivery import Outcome, Receive, Send, Watch
from entrepot.sandbox.faults import Faults
from entrepot.sandbox.steps import Break, Script, plan
from entrepot.sandbox.tongues import Headers, Tongue
from entrepot.sandbox.wire import EXTENSION, Wire

Scope: TypeAlias = dict[str, Any]

MAX_BODY = 128 * 1024 * 1024
MAX_COUNTED = 10_000
"""Names under which `first=N` counts; past that, counting starts anew."""


class Seen(msgspec.Struct, frozen=True):
    """A request as the vendor saw it."""

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name (lower case)."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), None)

    @property
    def json(self) -> Any:
        """The body, decoded. Raises JsonError."""
        return json.decode(self.body)


class Sandbox:
    """One vendor. `secret` is the only bearer it accepts (None: it is open).

    `remember`: how many requests `seen` holds; 0 in production, where prompts are nobody's business.
    """

    def __init__(
        self, secret: str | None = None, *, remember: int = 0, max_body: int = MAX_BODY, clock: Clock | None = None
    ) -> None:
        self._authorization = None if secret is None else f"Bearer {secret}".encode()
        self._max_body = max_body
        self._clock = clock or SystemClock()
        self._tasks = TaskGroup()
        self._hits: dict[str, int] = {}
        self.seen: deque[Seen] = deque(maxlen=remember)
        self.requests = 0
        """All requests that came."""
        self.open_streams = 0
        """Streams that run now (stalled ones too)."""
        self.finished = 0
        """Answers sent to their end, errors included."""
        self.aborted = 0
        """Answers that the client left."""
        self.torn = 0
        """Answers that we broke off, as asked."""

    def forget(self) -> None:
        """Counters and memory as on the first day; running streams stay counted."""
        self._hits.clear()
        self.seen.clear()
        self.requests = self.finished = self.aborted = self.torn = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests += 1
        tongue = endpoints.tongue(scope["path"])
        try:
            self._admit(scope)
            body = await _body(receive, self._max_body)
            if body is None:
                self.aborted += 1
                return
            if self.seen.maxlen:
                headers = tuple(scope["headers"])
                self.seen.append(Seen(scope["method"], scope["path"], scope["query_string"], headers, body))
            answer, asked = self._answer(scope, body)
        except Refusal as refused:
            answer, asked = refused.answer(tongue), faults.NONE
        if asked is faults.NONE and isinstance(answer, Whole) and not (answer.wait or answer.filler):
            await self._send_whole(answer, tongue, send)
        else:
            await self._perform(answer, asked, scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        """Only the relay, before a byte of its body is kept. Raises Refusal."""
        if self._authorization is None:
            return
        given = _header(scope, b"authorization") or b"Bearer " + _header(scope, b"x-api-key")
        if not hmac.compare_digest(given, self._authorization):
            raise refusal(401, "This sandbox belongs to another relay: wrong API key.", None, "invalid_api_key")

    def _answer(self, scope: Scope, body: bytes) -> tuple[Answer, Faults]:
        """Find and ask the endpoint. Raises Refusal."""
        header = _header(scope, faults.HEADER)
        visit = endpoints.find(scope["method"], scope["path"], body)
        asked = faults.NONE
        if header or (visit.name and visit.name.faults):
            suffix = visit.name.faults if visit.name else ""
            asked = self._counted(faults.read(suffix, header.decode("latin-1")), suffix, header)
        if refused := faults.refused(asked, visit.tongue):
            return refused, asked
        return visit.answer(stamp(visit.prefix, self._clock.wall()), asked), asked

    def _counted(self, asked: Faults, suffix: str, header: bytes) -> Faults:
        """The faults, or none where they have happened often enough."""
        if not asked.first:
            return asked
        key = asked.id or f"{suffix} {header!r}"
        if len(self._hits) >= MAX_COUNTED:
            self._hits.clear()
        hits = self._hits[key] = self._hits.get(key, 0) + 1
        return asked if hits <= asked.first else faults.NONE

    async def _send_whole(self, answer: Whole, tongue: Tongue, send: Send) -> None:
        headers = [*answer.headers, *tongue.headers(), (b"content-length", b"%d" % len(answer.body))]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        self.finished += 1

    async def _perform(self, answer: Answer, asked: Faults, scope: Scope, receive: Receive, send: Send) -> None:
        """An answer that takes time: watch the client meanwhile, and count how it ended."""
        wire: Wire | None = scope.get("extensions", {}).get(EXTENSION, {}).get("wire")
        is_stream = isinstance(answer, Stream)
        watch = Watch(receive, self._tasks)
        self.open_streams += is_stream
        outcome = Outcome.ABORTED
        try:
            wait = asked.slow + (0.0 if is_stream else answer.wait)
            if wait > 0:
                await watch.wait(wait)
            outcome = await _act(plan(answer, asked, endpoints.tongue(scope["path"])), asked, send, watch, wire)
        finally:
            watch.stop()
            self.open_streams -= is_stream
            self.finished += outcome is Outcome.FINISHED
            self.aborted += outcome is Outcome.ABORTED
            self.torn += outcome is Outcome.TORN


async def _act(script: Script, asked: Faults, send: Send, watch: Watch, wire: Wire | None) -> Outcome:
    if asked.silence:
        return await delivery.stop(Break.STALL, watch, wire)
    if asked.garbage:
        return await delivery.shout(watch, wire)
    if asked.reset == 0:
        return await delivery.stop(Break.RESET, watch, wire)
    if watch.gone:
        return Outcome.ABORTED
    return await delivery.deliver(script, send, watch, wire)


def _header(scope: Scope, wanted: bytes) -> bytes:
    """The last header of this name (lower case), or nothing."""
    found = b""
    for name, value in scope["headers"]:
        if name == wanted:
            found = value
    return found


async def _body(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None where the client left first. Raises Refusal (413)."""
    parts: list[bytes] = []
    size = 0
    while (message := await receive())["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise refusal(413, f"A body has at most {limit} bytes here.", None, "request_too_large")
        if not message.get("more_body", False):
            return b"".join(parts)
    return None


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
