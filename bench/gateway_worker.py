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
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.request import read_body, read_head
from entrepot.observe import logs
from entrepot.settings import Handoff, received_handoff
from entrepot.store.raw import Database

LAYERS = {
    "edge": "our edge: read the request, write 1 KB",
    "client": "and our upstream client: the vendor's bytes, passed on",
    "relay": "and the relay: key, peek, limits, hold, route, patch, tap, settle into the journal, flush to SQLite",
    "metrics": "and metrics",
    "log": "and the call log (the whole gateway)",
}
"""Each has all parts of those before it."""
_OBSERVED = ("relay", "metrics", "log")


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

    async def _answer(self, cycle: Cycle) -> None:
        await read_body(cycle, read_head(cycle, ()), 1 << 30)
        body = WHOLE[WHOLE.index(b"\r\n\r\n") + 4 :]
        cycle.answer(200, ((b"content-type", b"application/json"),), body)

    async def _pass(self, cycle: Cycle) -> None:
        body = await read_body(cycle, read_head(cycle, ()), 1 << 30)
        origin = Origin("http", "127.0.0.1", int(os.environ["BENCH_VENDOR"]))
        headers = ((b"authorization", b"Bearer sk-vendor"), (b"content-type", b"application/json"))
        response = await self.upstream.send(Request(b"POST", origin, b"/v1/chat/completions", headers, body), Timeouts())
        try:
            data = await response.chunk()
            if response.complete:
                cycle.answer(response.status, ((b"content-type", b"application/json"),), data)
                return
            cycle.start(response.status, ((b"content-type", b"text/event-stream"),))
            while data:
                cycle.write(data, more=True)
                data = await response.chunk()
            cycle.write(b"", more=False)
        finally:
            response.close()


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
