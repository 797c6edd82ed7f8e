"""A gateway worker in the test's own loop, over a real database, socket and sandbox.

`running_gateway()` prepares SQLite, makes the first key and the sandbox channel, and serves.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from entrepot.compose.gateway import serve
from entrepot.compose.prepare import prepare
from entrepot.settings import Handoff, Settings
from entrepot.store.migrate import migrate
from tests.vendors import Vendor, loopback_socket, running_sandbox


@dataclass
class GatewayUnderTest:
    """A gateway that serves now."""

    base: str
    port: int
    key: str
    admin_token: str
    vendor: Vendor
    settings: Settings
    stopping: asyncio.Event
    serving: "asyncio.Task[None]"

    def client(self, **options: object) -> httpx.AsyncClient:
        """An HTTP client with the key."""
        headers = {"authorization": f"Bearer {self.key}"}
        return httpx.AsyncClient(base_url=self.base, headers=headers, timeout=20, **options)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def running_gateway(data: Path, *, control_path: str = "", **settings: object) -> AsyncIterator[GatewayUnderTest]:
    """Serve from `data`; stopped and closed at the end."""
    made = Settings(data_dir=str(data), call_log=False, **settings)  # type: ignore[arg-type]
    data.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(migrate, made.database)
    async with running_sandbox() as vendor:
        handoff = Handoff(
            settings=made,
            role="gateway",
            sandbox_port=vendor.port,
            sandbox_secret=vendor.secret or "",
            control_path=control_path or str(data / "nobody.sock"),
        )
        report = await prepare(handoff)
        listener = loopback_socket()
        listener.listen(1024)
        port = listener.getsockname()[1]
        ready, stopping = asyncio.Event(), asyncio.Event()
        serving = asyncio.ensure_future(serve(handoff, [listener], ready.set, stopping))
        await asyncio.wait((serving, asyncio.ensure_future(ready.wait())), return_when=asyncio.FIRST_COMPLETED)
        try:
            yield GatewayUnderTest(
                base=f"http://127.0.0.1:{port}",
                port=port,
                key=report.key or "",
                admin_token=report.admin_token or "",
                vendor=vendor,
                settings=made,
                stopping=stopping,
                serving=serving,
            )
        finally:
            stopping.set()
            await asyncio.wait_for(serving, 60)
