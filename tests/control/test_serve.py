"""The app on a real socket."""

import asyncio
import socket
from pathlib import Path

import httpx

from entrepot.control.app import build_app
from entrepot.control.serve import serve_app
from entrepot.control.services import Services
from entrepot.kit.tasks import TaskGroup
from tests.control.conftest import ON_SQLITE


@ON_SQLITE
async def test_served_on_a_unix_socket_until_told_to_stop(services: Services, tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.setblocking(False)
    stopping = asyncio.Event()
    tasks = TaskGroup()
    serving = tasks.spawn(serve_app(build_app(services), listener, stopping), "control")
    transport = httpx.AsyncHTTPTransport(uds=path, retries=3)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        answer = await client.get("/")
        assert answer.status_code == 200
        assert "server" not in answer.headers
        assert (await client.get("/api/status")).status_code == 401
        stopping.set()
        await asyncio.wait_for(serving, 10)
    assert len(tasks) == 0
