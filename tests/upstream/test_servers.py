"""Against servers that others wrote: nginx, uvicorn, hypercorn, aiohttp."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hypercorn.asyncio
import hypercorn.config
import pytest
import uvicorn
from aiohttp import web

from entrepot.core.http import Headers, Origin, Request, Timeouts
from entrepot.upstream.client import Upstream
from tests.upstream.vendor import LIMIT, drain, eventually

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])

BIG = bytes(range(256)) * 20_000
EVENTS = [b"data: %d\n\n" % number for number in range(20)]


async def echo(
    scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """An ASGI app: /echo, /events, /none, /close and an empty 200."""
    assert scope["type"] == "http"
    body = b""
    while (message := await receive()).get("more_body"):
        body += message["body"]
    body += message.get("body", b"")
    path = scope["path"]
    status = 204 if path == "/none" else 200
    headers = [(b"x-method", scope["method"].encode())]
    if path == "/echo":
        headers.append((b"content-length", b"%d" % len(body)))
    elif path == "/events":
        headers.append((b"content-type", b"text/event-stream"))
    elif path == "/close":
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if path == "/events":
        for event in EVENTS:
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await asyncio.sleep(0.002)
    await send({"type": "http.response.body", "body": body if path == "/echo" else b""})


def listener() -> socket.socket:
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", 0))
    server.listen(100)
    server.setblocking(False)
    return server


@asynccontextmanager
async def uvicorn_server() -> AsyncIterator[int]:
    sock = listener()
    server = uvicorn.Server(uvicorn.Config(echo, lifespan="off", log_level="critical"))
    task = asyncio.get_running_loop().create_task(server.serve([sock]))
    await eventually(lambda: server.started)
    yield sock.getsockname()[1]
    server.should_exit = True
    await task


@asynccontextmanager
async def hypercorn_server() -> AsyncIterator[int]:
    sock = listener()
    config = hypercorn.config.Config()
    config.bind = [f"fd://{sock.detach()}"]
    config.accesslog = config.errorlog = None
    port = socket.socket(fileno=os.dup(int(config.bind[0][5:])))
    stop = asyncio.Event()
    task = asyncio.get_running_loop().create_task(hypercorn.asyncio.serve(echo, config, shutdown_trigger=stop.wait))  # type: ignore[arg-type]
    with port:
        yield port.getsockname()[1]
    stop.set()
    await task


@asynccontextmanager
async def aiohttp_server() -> AsyncIterator[int]:
    async def answer(request: web.Request) -> web.StreamResponse:
        headers = {"x-method": request.method}
        if request.path == "/events":
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            for event in EVENTS:
                await response.write(event)
                await asyncio.sleep(0.002)
            return response
        body = await request.read()
        result = web.Response(status=204 if request.path == "/none" else 200, headers=headers)
        if request.path == "/echo":
            result.body = body
        if request.path == "/close":
            result.force_close()
        return result

    app = web.Application(client_max_size=LIMIT)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    sock = listener()
    await web.SockSite(runner, sock).start()
    yield sock.getsockname()[1]
    await runner.cleanup()


SERVERS = {"uvicorn": uvicorn_server, "hypercorn": hypercorn_server, "aiohttp": aiohttp_server}


async def ask(
    upstream: Upstream, origin: Origin, path: bytes, body: bytes = b"", *, method: bytes = b"POST", headers: Headers = ()
) -> tuple[int, Headers, bytes]:
    response = await upstream.send(Request(method, origin, path, headers, body), Timeouts(first_byte=10, idle=10))
    try:
        return response.status, response.headers, await response.read(LIMIT)
    finally:
        response.close()


@pytest.mark.parametrize("name", SERVERS)
async def test_application_servers(upstream: Upstream, name: str) -> None:
    async with SERVERS[name]() as port:
        origin = Origin("http", "127.0.0.1", port)
        for body in (b"", b"x" * 1024, BIG, b"y" * 100):
            status, _, answer = await ask(upstream, origin, b"/echo", body)
            assert (status, answer == body) == (200, True)
        for method in (b"GET", b"DELETE", b"PUT"):
            status, headers, answer = await ask(upstream, origin, b"/echo", method=method)
            assert (status, answer) == (200, b"")
            assert (b"x-method", method) in headers
        assert (await ask(upstream, origin, b"/none"))[0::2] == (204, b"")
        assert (await ask(upstream, origin, b"/empty"))[0::2] == (200, b"")
        stats = upstream.stats()[origin]
        assert (stats.open, stats.idle) == (1, 1)
        assert (await ask(upstream, origin, b"/close"))[0::2] == (200, b"")
        await eventually(lambda: origin not in upstream.stats())
        assert (await ask(upstream, origin, b"/echo", method=b"HEAD"))[0::2] == (200, b"")
        await upstream.close()


@pytest.mark.parametrize("name", SERVERS)
async def test_streams(upstream: Upstream, name: str) -> None:
    async def one(origin: Origin) -> tuple[bytes, int]:
        response = await upstream.send(Request(b"GET", origin, b"/events", ()), Timeouts())
        chunks = 0
        data = b""
        while piece := await response.chunk():
            data += piece
            chunks += 1
        response.close()
        return data, chunks

    async def abort(origin: Origin) -> None:
        response = await upstream.send(Request(b"GET", origin, b"/events", ()), Timeouts())
        await response.chunk()
        response.close()

    async with SERVERS[name]() as port:
        origin = Origin("http", "127.0.0.1", port)
        for data, chunks in await asyncio.gather(*(one(origin) for _ in range(10))):
            assert data == b"".join(EVENTS)
            assert chunks > 5
        await asyncio.gather(*(abort(origin) for _ in range(10)))
        assert upstream.stats().get(origin) is None or upstream.stats()[origin].in_use == 0
        await upstream.close()


NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)

CONFIG = """
daemon off; master_process off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; keepalive_requests 5; keepalive_timeout 5s;
    client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/f;
    uwsgi_temp_path {root}/u; scgi_temp_path {root}/s;
    gzip_types text/plain; gzip_min_length 1; gzip_proxied any;
    server {{
        listen {listen}; default_type text/plain; root {root}/files; client_max_body_size 100k;
        location /packed/ {{ alias {root}/files/; gzip on; }}
        location /word {{ return 200 "ok"; }}
        location /none {{ return 204; }}
        location /slow {{ alias {root}/files; limit_rate 200k; }}
    }}
}}
"""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """A running nginx on a Unix socket."""
    if NGINX is None:
        pytest.skip("nginx is not installed (apt install nginx)")
    root = tmp_path_factory.mktemp("nginx")
    (root / "files").mkdir()
    (root / "files" / "big").write_bytes(BIG)
    (root / "files" / "text").write_bytes(b"the quick brown fox\n" * 5000)
    path = root / "listen"
    (root / "conf").write_text(("user root;" if os.geteuid() == 0 else "") + CONFIG.format(root=root, listen=f"unix:{path}"))
    with subprocess.Popen([NGINX, "-c", str(root / "conf"), "-p", str(root)], stderr=subprocess.DEVNULL) as server:
        for _ in range(200):
            if path.exists():
                break
            assert server.poll() is None, (root / "error.log").read_text()
            time.sleep(0.02)
        yield Origin("unix", str(path), 0)
        server.terminate()


async def test_nginx_keeps_alive_and_closes(upstream: Upstream, nginx: Origin) -> None:
    """It answers five requests a connection and says `connection: close` with the fifth."""
    for number in range(1, 13):
        assert (await ask(upstream, nginx, b"/word", method=b"GET"))[0::2] == (200, b"ok")
        assert (nginx in upstream.stats()) is (number % 5 != 0)


async def test_nginx_files(upstream: Upstream, nginx: Origin) -> None:
    for _ in range(3):
        status, headers, body = await ask(upstream, nginx, b"/big", method=b"GET")
        assert (status, body == BIG) == (200, True)
        assert (b"content-length", b"%d" % len(BIG)) in headers
    assert (await ask(upstream, nginx, b"/big", method=b"HEAD"))[0::2] == (200, b"")
    assert (await ask(upstream, nginx, b"/none", method=b"GET"))[0::2] == (204, b"")
    assert (await ask(upstream, nginx, b"/missing", method=b"GET"))[0] == 404


async def test_nginx_compresses(upstream: Upstream, nginx: Origin) -> None:
    status, headers, body = await ask(upstream, nginx, b"/packed/text", method=b"GET", headers=((b"accept-encoding", b"gzip"),))
    assert (status, body) == (200, b"the quick brown fox\n" * 5000)
    names = [name for name, _ in headers]
    assert b"transfer-encoding" in names
    assert b"content-encoding" not in names


async def test_nginx_refuses_big_bodies(upstream: Upstream, nginx: Origin) -> None:
    """413 comes before the body has gone out."""
    status, _, body = await ask(upstream, nginx, b"/word", b"x" * 20_000_000)
    assert status == 413
    assert b"413" in body
    assert nginx not in upstream.stats()


async def test_nginx_slowly(upstream: Upstream, nginx: Origin) -> None:
    response = await upstream.send(Request(b"GET", nginx, b"/slow/text", ()), Timeouts(idle=2))
    body, kind = await drain(response)
    assert (len(body), kind) == (100_000, None)


async def test_nginx_parallel(upstream: Upstream, nginx: Origin) -> None:
    results = await asyncio.gather(*(ask(upstream, nginx, b"/word", method=b"GET") for _ in range(200)))
    assert {result[0::2] for result in results} == {(200, b"ok")}
