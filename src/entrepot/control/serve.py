"""Runs the control app on a socket that is already bound, inside the caller's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn

from entrepot.control.app import build_app
from entrepot.control.limits import App
from entrepot.control.services import Sandbox, Services
from entrepot.kit.clock import SystemClock
from entrepot.providers.catalogue import load_catalogue
from entrepot.settings import Handoff, Settings
from entrepot.store.engine import open_engine
from entrepot.store.raw import open_database
from entrepot.store.vault import open_vault
from entrepot.upstream.client import Upstream

_GRACE = 5


@asynccontextmanager
async def open_services(settings: Settings, sandbox: Sandbox | None = None) -> AsyncGenerator[Services]:
    """Open all that control needs, on a database that was migrated.

    Raises StoreAwayError, DatabaseUrlError, VaultError.
    """
    database = await open_database(settings.database)
    try:
        vault = await open_vault(settings, database)
    finally:
        await database.close()
    engine = open_engine(settings.database, fsync=settings.durability == "fsync")
    upstream = Upstream(extra_ca=settings.upstream_ca)
    try:
        yield Services(settings, engine, SystemClock(), vault, load_catalogue(), upstream, sandbox)
    finally:
        await upstream.close()
        await engine.dispose()


async def serve_control(handoff: Handoff, stopping: asyncio.Event) -> None:
    """Serve on the handed-over socket until `stopping`."""
    sandbox = Sandbox(handoff.sandbox_port, handoff.sandbox_secret) if handoff.sandbox_port else None
    async with open_services(handoff.settings, sandbox) as services:
        listener = socket.socket(fileno=handoff.listen_fd)
        listener.setblocking(False)
        await serve_app(build_app(services), listener, stopping)


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
