"""Vendors for tests: the real sandbox app behind a real loopback socket, in the test's own loop.

Use as a fixture (`from tests.vendors import sandbox_vendor as sandbox_vendor` in a conftest) or,
where a test needs several, as `async with running_sandbox() as vendor`.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from entrepot.kit.tasks import TaskGroup
from entrepot.sandbox.app import Sandbox
from entrepot.sandbox.serve import serve


@dataclass(frozen=True, slots=True)
class Vendor:
    """A sandbox that runs now."""

    app: Sandbox
    """Counters and `seen`: the vendor's view."""
    port: int
    secret: str | None

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`"""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What an OpenAI SDK takes, with `/v1`."""
        return self.origin + "/v1"

    async def until(self, condition: Callable[[Sandbox], bool], seconds: float = 5.0) -> None:
        """Wait until the counters say so. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition(self.app):
                await asyncio.sleep(0.005)


def loopback_socket() -> socket.socket:
    """A bound TCP socket on a free port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


@contextlib.asynccontextmanager
async def running_sandbox(
    secret: str | None = "sk-sandbox", remember: int = 1000, app: Sandbox | None = None
) -> AsyncIterator[Vendor]:
    """A sandbox on a free port, gone at the end; `app` takes the place of a fresh one."""
    app = app or Sandbox(secret, remember=remember)
    sock = loopback_socket()
    sock.listen(1024)
    vendor = Vendor(app, sock.getsockname()[1], secret)
    stopping = asyncio.Event()
    tasks = TaskGroup()
    serving = tasks.spawn(serve(app, sock, stopping, grace=0.0), "sandbox vendor")
    try:
        yield vendor
    finally:
        stopping.set()
        await serving


@pytest.fixture
async def sandbox_vendor() -> AsyncIterator[Vendor]:
    """A fresh sandbox with the secret `sk-sandbox`."""
    async with running_sandbox() as vendor:
        yield vendor
