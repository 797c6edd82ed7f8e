"""Gateway workers that are put together otherwise than in production, for the benchmarks alone.

`serve_as` is compose/gateway.py's own start with another class of worker. The layers take parts away,
so that each part's share of a call can be told: see `LAYERS`.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

from bench.vendor import WHOLE
from entrepot.buckets.desk import Buckets
from entrepot.compose.gateway import Worker, serve
from entrepot.compose.process import new_loop, say_ready, stop_signal
from entrepot.core.http import Origin, Request, Timeouts
from entrepot.core.record import Record
from entrepot.observe import logs
from entrepot.settings import Handoff, received_handoff
from entrepot.store.raw import Database

LAYERS = {
    "edge": "uvicorn with our protocol: read the request, write 1 KB",
    "client": "and our upstream client: the vendor's bytes, passed on",
    "relay": "and the relay: key, peek, limits, hold, route, patch, tap, settle into the journal, flush to SQLite",
    "metrics": "and metrics",
    "log": "and the call log (the whole gateway)",
}
"""Each has all parts of those before it."""
_OBSERVED = ("relay", "metrics", "log")
_ENDED = {"type": "http.response.body", "body": b"", "more_body": False}


class Layered(Worker):
    """A worker with the parts of one layer."""

    layer = "log"

    def app(self, buckets: Buckets) -> Any:
        if self.layer in _OBSERVED:
            return super().app(buckets)
        return self._answer if self.layer == "edge" else self._pass

    def observe(self, record: Record) -> None:
        """The observers that belong to the layer."""
        parts = _OBSERVED.index(self.layer)
        if parts > 0:
            self.metrics.observe(record)
        if parts > 1 and self.calls is not None:
            self.calls.observe(record)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        await _body(receive)
        body = WHOLE[WHOLE.index(b"\r\n\r\n") + 4 :]
        await send({"type": "http.response.start", "status": 200, "headers": _headers(len(body))})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _pass(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(receive)
        origin = Origin("http", "127.0.0.1", int(os.environ["BENCH_VENDOR"]))
        headers = ((b"authorization", b"Bearer sk-vendor"), (b"content-type", b"application/json"))
        response = await self.upstream.send(Request(b"POST", origin, b"/v1/chat/completions", headers, body), Timeouts())
        try:
            data = await response.chunk()
            length = len(data) if response.ended else None
            await send({"type": "http.response.start", "status": response.status, "headers": _headers(length)})
            await send({"type": "http.response.body", "body": data, "more_body": not response.ended})
            if length is None:
                while data := await response.chunk():
                    await send({"type": "http.response.body", "body": data, "more_body": True})
                await send(_ENDED)
        finally:
            response.close()


def _headers(length: int | None) -> list[tuple[bytes, bytes]]:
    if length is None:
        return [(b"content-type", b"text/event-stream")]
    return [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)]


async def _body(receive: Any) -> bytes:
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    return body


def serve_as(make: Callable[[Handoff, Database], Worker]) -> None:
    """The process's entry."""
    handoff = received_handoff()
    logs.configure(handoff.settings.log_level)
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(make, handoff))


async def _serve(make: Callable[[Handoff, Database], Worker], handoff: Handoff) -> None:
    listener = socket.socket(fileno=handoff.listen_fd)
    listener.setblocking(False)
    await serve(handoff, [listener], lambda: say_ready(handoff), stop_signal(handoff), make)


def serve_layer(layer: str) -> None:
    """The process's entry, for a worker with the parts of one layer."""
    Layered.layer = layer
    serve_as(Layered)
