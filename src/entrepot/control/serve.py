"""Runs the control app on a socket that is already bound, inside the caller's event loop."""

import asyncio
import contextlib
import socket

import uvicorn

from entrepot.control.limits import App
from entrepot.control.opening import open_services as open_services

_GRACE = 5


async def serve_app(app: App, listener: socket.socket, stopping: asyncio.Event) -> None:
    """Serve an app until `stopping`; running answers then get a few seconds. Takes no signals."""
    config = uvicorn.Config(
        app,  # pyright: ignore[reportArgumentType]  its own types of scope and message are narrower
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=_GRACE,
    )
    await _Server(config, stopping).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Stops when an event says so; leaves signals to the process that calls."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def main_loop(self) -> None:
        await self._stopping.wait()

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        return contextlib.nullcontext()
