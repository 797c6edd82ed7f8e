"""The load of the benchmarks: prebuilt requests over keep-alive connections, cheap enough to share a core with the vendor.

Every answer is checked (status, length, number of chunks), so that an error never counts as a fast answer.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.vendor import ANSWER_SIZE, TEXT

_CONTENT = b'"content":"' + TEXT
_FRAME = b'"object":"chat.completion.chunk"'


def request(model: str, key: str, size: int = 1024) -> bytes:
    """A chat request with a body of about `size` bytes."""
    text = "It was a dark and stormy night; the rain fell in torrents. "
    turns = ['{"role":"system","content":"Be brief."}']
    room = size - 250
    while room > 0:  # a long prompt is a long conversation: turns of about 2 KB
        part = (text * 40)[: min(room, 2000)]
        turns.append('{"role":"user","content":"' + part + '"}')
        room -= len(part) + 30
    stream = "true" if "stream" in model else "false"
    body = f'{{"model":"{model}","messages":[{",".join(turns)}],"temperature":0.7,"max_tokens":500,"stream":{stream}}}'.encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "Accept: application/json\r\n"
        "Accept-Encoding: gzip, deflate\r\n"
        "User-Agent: OpenAI/Python 1.93.0\r\n"
        "X-Stainless-Lang: python\r\n"
        "X-Stainless-Package-Version: 1.93.0\r\n"
        "X-Stainless-Runtime: CPython\r\n"
        f"Authorization: Bearer {key}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Line(asyncio.Protocol):
    """One connection; `ask` sends, `done` is called with the time of the answer's end."""

    def __init__(self) -> None:
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True

    def ask(self, data: bytes, run: "Run") -> None:
        self.run = run
        self.stream = run.stream
        self.buffer = b""
        self.frames = self.reads = 0
        self.first = 0.0
        self.began = time.perf_counter()
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.stream:
            self.streamed(data)
            return
        buffer = self.buffer = self.buffer + data if self.buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0 or len(buffer) - head - 4 < ANSWER_SIZE:
            return
        if not buffer.startswith(b"HTTP/1.1 200") or len(buffer) - head - 4 != ANSWER_SIZE:
            raise SystemExit(f"not the answer that was expected: {buffer[:400]!r}")
        self.first = time.perf_counter()
        self.run.answered(self)

    def streamed(self, data: bytes) -> None:
        self.reads += 1
        self.frames += data.count(_FRAME)
        if not self.first:
            if not self.reads or (self.reads == 1 and not data.startswith(b"HTTP/1.1 200")):
                raise SystemExit(f"not the answer that was expected: {data[:400]!r}")
            if _CONTENT in data:
                self.first = time.perf_counter()
                self.run.opened += 1
        if data.endswith(b"0\r\n\r\n"):
            self.run.answered(self)


class Run:
    """A number of calls, and what came of them."""

    def __init__(self, data: bytes, count: int, *, stream: bool) -> None:
        self.data = data
        self.left = self.waited = count
        self.stream = stream
        self.opened = self.frames = self.reads = 0
        self.idle: list[Line] = []
        self.times: list[float] = []
        """Seconds to the whole answer, or to the first content of a stream."""
        self.over = asyncio.get_running_loop().create_future()

    def start(self, line: Line) -> None:
        """Have `line` make calls as long as there are any."""
        if self.left > 0:
            self.left -= 1
            line.ask(self.data, self)
        else:
            self.idle.append(line)

    def answered(self, line: Line) -> None:
        self.times.append(line.first - line.began)
        self.frames += line.frames
        self.reads += line.reads
        self.waited -= 1
        self.start(line)
        if not self.waited:
            self.over.set_result(None)


@dataclass
class Lines:
    """Open connections to one port."""

    port: int
    all: list[Line] = field(default_factory=list)

    async def open(self, count: int) -> None:
        """Have at least `count`."""
        loop = asyncio.get_running_loop()
        self.all = [line for line in self.all if not line.closed]
        while len(self.all) < count:
            _, line = await loop.create_connection(Line, "127.0.0.1", self.port)
            self.all.append(line)

    def close(self) -> None:
        """Leave, whatever runs."""
        for line in self.all:
            line.transport.abort()
        self.all.clear()

    async def calls(self, data: bytes, count: int, at_once: int, *, stream: bool = False) -> Run:
        """Make `count` calls, `at_once` of them at any time."""
        await self.open(at_once)
        run = Run(data, count, stream=stream)
        for line in self.all[:at_once]:
            run.start(line)
        await asyncio.wait_for(run.over, 120)
        return run

    async def hold(self, data: bytes, count: int, batch: int = 50) -> Run:
        """Open `count` streams that do not end, a batch at a time, and wait for each one's first content."""
        run = Run(data, count, stream=True)
        for at in range(0, count, batch):
            await self.open(at + batch)
            for line in self.all[at : at + batch]:
                run.start(line)
            for _ in range(3000):
                if run.opened >= at + batch:
                    break
                await asyncio.sleep(0.01)
            else:
                raise SystemExit(f"only {run.opened} of {at + batch} streams opened")
        return run


async def taking_turns(requests: Mapping[int, bytes], seconds: float, rate: float, *, stream: bool) -> dict[int, list[float]]:
    """Latencies in seconds by port: calls at a low rate, each port in its turn, so that all see the same machine."""
    lines = {port: Lines(port) for port in requests}
    for port, data in requests.items():
        await lines[port].calls(data, 20, 4, stream=stream)
    runs = {port: Run(data, int(seconds * rate), stream=stream) for port, data in requests.items()}
    for port, run in runs.items():
        run.idle = list(lines[port].all)
    step = 1 / rate / len(requests)
    due = time.perf_counter()
    for _ in range(int(seconds * rate)):
        for port, run in runs.items():
            due += step
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            if not run.idle:
                await lines[port].open(len(lines[port].all) + 1)
                run.idle.append(lines[port].all[-1])
            _one(run, run.idle.pop())
    await asyncio.wait([run.over for run in runs.values()], timeout=30)
    for each in lines.values():
        each.close()
    return {port: run.times for port, run in runs.items()}


def _one(run: Run, line: Line) -> None:
    """One call, after which the line waits again."""
    run.left = 0
    line.ask(run.data, run)
