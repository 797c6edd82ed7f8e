"""CPU of the upstream client against aiohttp's, in one run: `python bench/upstream_client.py [rounds]`.

A tiny vendor runs in its own process, so that the CPU time measured here is the client's alone
(system calls and event loop included). The clients run on uvloop and take turns; the table shows the
median of the rounds, the ratio, which is what carries over to other machines, and what remains of both
above a connection without any HTTP in it. Memory is measured with 500 streams in a process for each.
"""

import asyncio
import gc
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import aiohttp
import psutil
import uvloop

from entrepot.core.http import Origin, Request, Timeouts
from entrepot.upstream.client import Upstream

HEADERS = b"".join(
    b"%b: %b\r\n" % pair
    for pair in (
        (b"Date", b"Tue, 01 Jul 2025 12:00:00 GMT"),
        (b"Content-Type", b"application/json"),
        (b"Connection", b"keep-alive"),
        (b"openai-organization", b"org-0123456789"),
        (b"openai-processing-ms", b"412"),
        (b"openai-version", b"2020-10-01"),
        (b"x-ratelimit-limit-requests", b"10000"),
        (b"x-ratelimit-limit-tokens", b"2000000"),
        (b"x-ratelimit-remaining-requests", b"9999"),
        (b"x-request-id", b"req_0123456789abcdef0123456789abcdef"),
        (b"Server", b"bench"),
    )
)
WHOLE = b"HTTP/1.1 200 OK\r\n" + HEADERS + b"content-length: 1024\r\n\r\n" + b"x" * 1024
STREAM = b"HTTP/1.1 200 OK\r\n" + HEADERS + b"transfer-encoding: chunked\r\n\r\n"
CHUNK = b"12c\r\ndata: " + b"x" * 292 + b"\n\n\r\n"
PACE = 0.002
CHUNKS = 200
STREAMS = 40
BODY = b'{"model":"m","messages":[{"role":"user","content":"' + b"y" * 900 + b'"}]}'


class Vendor(asyncio.Protocol):
    """Answers every request that arrives in one read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.left = 0

    def data_received(self, data: bytes) -> None:
        if b" /stream " in data[:100]:
            self.transport.write(STREAM)
            self.left = CHUNKS
            self.tick()
        elif b" HTTP/1.1\r\n" in data[:200]:
            self.transport.write(WHOLE)

    def tick(self) -> None:
        if self.transport.is_closing():
            return
        if self.left:
            self.left -= 1
            self.transport.write(CHUNK)
            asyncio.get_running_loop().call_later(PACE, self.tick)
        else:
            self.transport.write(b"0\r\n\r\n")


def vendor(ready: Connection) -> None:
    """The other process."""

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0, backlog=1024)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def cpu(work: Callable[[], Awaitable[object]]) -> float:
    """CPU seconds of this process during `work`."""
    gc.collect()
    start = time.process_time()
    await work()
    return time.process_time() - start


class Ours:
    """The client under test."""

    def __init__(self, port: int) -> None:
        self.upstream = Upstream()
        self.origin = Origin("http", "127.0.0.1", port)
        self.headers = ((b"content-type", b"application/json"), (b"authorization", b"Bearer sk-x"))

    async def call(self) -> None:
        response = await self.upstream.send(Request(b"POST", self.origin, b"/call", self.headers, BODY), Timeouts())
        try:
            await response.read(1 << 20)
        finally:
            response.close()

    async def stream(self) -> None:
        response = await self.upstream.send(Request(b"POST", self.origin, b"/stream", self.headers, BODY), Timeouts())
        try:
            while await response.chunk():
                pass
        finally:
            response.close()

    async def close(self) -> None:
        await self.upstream.close()


class Theirs:
    """The same with aiohttp, set up as lean as it goes."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=3600, connect=10, sock_read=300),
            auto_decompress=False,
        )
        self.headers = {"content-type": "application/json", "authorization": "Bearer sk-x", "accept-encoding": "identity"}

    async def call(self) -> None:
        async with self.session.post(self.url + "/call", data=BODY, headers=self.headers) as response:
            await response.read()

    async def stream(self) -> None:
        async with self.session.post(self.url + "/stream", data=BODY, headers=self.headers) as response:
            async for _ in response.content.iter_any():
                pass

    async def close(self) -> None:
        await self.session.close()


class Floor:
    """No client at all: the event loop and its system calls, which both pay."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[Bare] = []

    async def call(self) -> None:
        await self.ask(b"/call", len(WHOLE))

    async def stream(self) -> None:
        await self.ask(b"/stream", len(STREAM) + CHUNKS * len(CHUNK) + 5)

    async def ask(self, path: bytes, size: int) -> None:
        if not self.idle:
            loop = asyncio.get_running_loop()
            self.idle.append((await loop.create_connection(lambda: Bare(loop), "127.0.0.1", self.port))[1])
        connection = self.idle.pop()
        connection.left = size
        connection.transport.write(b"POST %b HTTP/1.1\r\n\r\n" % path + BODY)
        connection.done = connection.loop.create_future()
        await connection.done
        self.idle.append(connection)

    async def close(self) -> None:
        for connection in self.idle:
            connection.transport.abort()


class Bare(asyncio.Protocol):
    """Counts bytes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.left -= len(data)
        if not self.left:
            self.done.set_result(None)


Client = Ours | Theirs | Floor


async def calls(client: Client, count: int, workers: int = 8) -> float:
    """CPU µs of one whole 1 KB call."""

    async def worker() -> None:
        for _ in range(count // workers):
            await client.call()

    return await cpu(lambda: asyncio.gather(*(worker() for _ in range(workers)))) / count * 1e6


async def chunks(client: Client) -> float:
    """CPU µs of one streamed chunk of 300 bytes."""
    spent = await cpu(lambda: asyncio.gather(*(client.stream() for _ in range(STREAMS))))
    return spent / (STREAMS * CHUNKS) * 1e6


async def memory(port: int, kind: type[Client], streams: int = 500) -> float:
    """Resident KB of one open stream; in a process of its own."""
    client = kind(port)
    await client.call()
    gc.collect()
    before = psutil.Process().memory_info().rss
    tasks = [asyncio.get_running_loop().create_task(client.stream()) for _ in range(streams)]
    await asyncio.sleep(CHUNKS * PACE)
    used = psutil.Process().memory_info().rss - before
    await asyncio.gather(*tasks)
    await client.close()
    return used / streams / 1024


def memory_process(port: int, kind: type[Client], answer: Connection) -> None:
    """A child process of `memory`."""
    answer.send(uvloop.run(memory(port, kind)))


async def times(port: int, rounds: int) -> dict[str, dict[type[Client], float]]:
    """CPU µs by what and whose; the clients take turns."""
    clients: list[Client] = [Ours(port), Theirs(port), Floor(port)]
    found: dict[str, dict[type[Client], list[float]]] = {what: {type(client): [] for client in clients} for what in TIMED}
    for client in clients:
        await calls(client, 400)
    for _ in range(rounds):
        for client in clients:
            found["call"][type(client)].append(await calls(client, 4000))
            found["chunk"][type(client)].append(await chunks(client))
    for client in clients:
        await client.close()
    return {what: {kind: statistics.median(values) for kind, values in row.items()} for what, row in found.items()}


TIMED = ("call", "chunk")


def main(rounds: int) -> None:
    """Measure and print the table."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=vendor, args=(there,), daemon=True)
    child.start()
    port = here.recv()
    table = uvloop.run(times(port, rounds))
    table["memory"] = {}
    for kind in (Ours, Theirs, Floor):
        process = spawn.Process(target=memory_process, args=(port, kind, there))
        process.start()
        table["memory"][kind] = here.recv()
        process.join()
    child.terminate()
    print(f"{'':<24}{'entrepot':>10}{'aiohttp':>10}{'ratio':>8}{'no client':>11}{'ratio above it':>16}")
    names = {"call": "CPU µs, 1 KB call", "chunk": "CPU µs, 300 B chunk", "memory": "KB an open stream"}
    for what, name in names.items():
        mine, other, least = (table[what][kind] for kind in (Ours, Theirs, Floor))
        above = (other - least) / (mine - least)
        print(f"{name:<24}{mine:>10.1f}{other:>10.1f}{other / mine:>8.2f}{least:>11.1f}{above:>16.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
