"""The server: stops when told, takes no signals, and cuts off what runs too long."""

import asyncio
import signal
import time

import httpx
import pytest

from entrepot.kit.tasks import TaskGroup
from entrepot.sandbox.app import Sandbox
from entrepot.sandbox.serve import serve
from tests.vendors import loopback_socket


@pytest.mark.parametrize(
    ("model", "grace", "least", "most"), [("story:40@100", 5.0, 0.2, 2.0), ("echo!silence", 0.2, 0.15, 1.5)]
)
async def test_stopping(model: str, grace: float, least: float, most: float) -> None:
    app, stopping, tasks = Sandbox(), asyncio.Event(), TaskGroup()
    sock = loopback_socket()
    sock.listen()
    origin = f"http://127.0.0.1:{sock.getsockname()[1]}"
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    serving = tasks.spawn(serve(app, sock, stopping, grace=grace), "sandbox")
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    async with httpx.AsyncClient(base_url=origin, trust_env=False) as http:
        asking = tasks.spawn(http.post("/chat/completions", json=body), "asking")
        async with asyncio.timeout(5):
            while not app.open_streams:
                await asyncio.sleep(0.005)
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == handlers
        begun = time.monotonic()
        stopping.set()
        await serving
        assert least < time.monotonic() - begun < most
        (answer,) = await asyncio.gather(asking, return_exceptions=True)
        # Within the grace time the story is told to its end; silence is cut off.
        assert isinstance(answer, httpx.Response if grace > 1 else httpx.RemoteProtocolError | httpx.ReadError)
        with pytest.raises(httpx.ConnectError):
            await http.get("/models")
    assert app.open_streams == 0
    assert app.finished + app.aborted == 1


async def test_a_connection_is_kept_alive_and_pipelined() -> None:
    app, stopping, tasks = Sandbox(), asyncio.Event(), TaskGroup()
    sock = loopback_socket()
    sock.listen()
    serving = tasks.spawn(serve(app, sock, stopping, grace=0.0), "sandbox")
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    request = b"GET /v1/models/echo HTTP/1.1\r\nhost: x\r\n\r\n"
    writer.write(request + request)
    got = b""
    async with asyncio.timeout(5):
        while got.count(b'"object":"model"') < 2:
            got += await reader.read(65_536)
    assert got.count(b"HTTP/1.1 200 OK") == 2
    writer.close()
    stopping.set()
    await serving
