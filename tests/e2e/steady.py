"""A steady load for a long time: does anything grow, or slow down? Prints a table of thirds, and a verdict by row.

The load is open: calls begin at a fixed rate, a share of what the installation could do in the first seconds, whatever
becomes of those before them; a call's time counts from when it should have begun. The vendor is the benchmarks'.
"""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import psutil

from bench.gateway_servers import vendor
from entrepot.buckets.verify import verify
from entrepot.store.raw import open_database
from tests.databases import PostgresServer
from tests.e2e.money import Tell, customers, flushed, metric, tables
from tests.installation import Installation, serve

WHO = customers(*(f"customer-{n}" for n in range(100)))
DUE = 212 * 1_000 + 180 * 2_000
"""nano-USD of each call: what the vendor says that it used, at 1 and 2 USD per 1 M tokens."""
MODELS = ("bench-whole",) * 4 + ("bench-stream-20-10",)
"""Four whole answers to one stream of 20 chunks, 10 ms apart."""
LINES = 200
WARM_UP = 0.1
"""The part of the time, at the beginning, that does not count: caches and pools fill."""
CHANNEL = """
[[channel]]
name = "bench"
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"
keys = ["sk-vendor-0123456789abcdef"]
models = ["bench-*"]
limits = {{ max_connections = 10000 }}
[[model]]
name = "bench-*"
price.input = "1"
price.output = "2"
"""


@dataclass
class Plan:
    """What is asked for."""

    minutes: float = 30.0
    share: float = 0.7
    """Of what the installation can do."""
    workers: int = 1
    postgresql: bool = False


@dataclass
class Sample:
    """What is seen at one moment. Bytes, and milliseconds since the sample before."""

    calls: int
    p50: float
    p99: float
    resident: dict[str, int]
    sizes: dict[str, int]


@dataclass
class Row:
    """One row of the table: the means of three thirds (of growing things: of each third's growth), and its rule."""

    name: str
    thirds: tuple[float, float, float]
    rule: str
    good: bool


class Line(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, driver: "Driver") -> None:
        self._driver = driver
        self._wanted = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        self._driver.lost(self)

    def ask(self, request: bytes, due: float) -> None:
        self._due = due
        self._buffer = b""
        self._wanted = -1
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data
        if self._wanted < 0:
            head = buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            if not buffer.startswith(b"HTTP/1.1 200"):
                self._driver.failed(buffer[:300].decode("latin-1"))
                return
            at = buffer.find(b"content-length: ", 0, head)
            self._wanted = head + 4 + int(buffer[at + 16 : buffer.find(b"\r", at)]) if at > 0 else 0
        if len(buffer) >= self._wanted > 0 or (self._wanted == 0 and buffer.endswith(b"\r\n0\r\n\r\n")):
            self._driver.answered(self, self._due)

    def close(self) -> None:
        self._transport.abort()


class Driver:
    """Makes calls at a rate, or as many as there are lines."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._requests = [request(who.secret, model) for who in WHO for model in MODELS]
        self._lines: list[Line] = []
        self._idle: list[Line] = []
        self._queue: deque[float] = deque()
        self._turn = 0
        self.closing = False
        self.error = ""
        self.flat_out = 0
        """Lines that call again at once."""
        self.calls = 0
        self.times: list[float] = []

    async def open(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self._port)
            self._lines.append(line)
            self._idle.append(line)

    async def drive(self, rate: float, seconds: float) -> None:
        """Begin `rate` calls a second."""
        start, begun = time.perf_counter(), 0
        while (elapsed := time.perf_counter() - start) < seconds and not self.error:
            while begun < elapsed * rate:
                self._queue.append(start + begun / rate)
                begun += 1
            while self._queue and self._idle:
                self._ask(self._idle.pop(), self._queue.popleft())
            await asyncio.sleep(0.002)

    async def capacity(self, at_once: int, seconds: float) -> float:
        """Calls a second, each line calling again at once."""
        self.flat_out, before, start = at_once, self.calls, time.perf_counter()
        for _ in range(at_once):
            self._ask(self._idle.pop(), time.perf_counter())
        await asyncio.sleep(seconds)
        made = (self.calls - before) / (time.perf_counter() - start)
        self.flat_out = 0
        await self.drain()
        return made

    async def drain(self) -> None:
        """Until all lines are idle."""
        async with asyncio.timeout(60):
            while len(self._idle) < len(self._lines) and not self.error:
                await asyncio.sleep(0.01)

    def answered(self, line: Line, due: float) -> None:
        now = time.perf_counter()
        self.calls += 1
        self.times.append(now - due)
        if self.flat_out:
            self._ask(line, now)
        elif self._queue:
            self._ask(line, self._queue.popleft())
        else:
            self._idle.append(line)

    def lost(self, line: Line) -> None:
        """An idle one may time out."""
        self._lines.remove(line)
        if line in self._idle:
            self._idle.remove(line)
        elif not self.closing:
            self.failed("a connection was lost in a call")

    def failed(self, why: str) -> None:
        self.error = self.error or why

    def close(self) -> None:
        self.closing = True
        for line in list(self._lines):
            line.close()

    def _ask(self, line: Line, due: float) -> None:
        self._turn += 1
        line.ask(self._requests[self._turn % len(self._requests)], due)


def request(secret: str, model: str) -> bytes:
    """A call as OpenAI's SDK makes it, of about 1 KB."""
    text = "It was a dark and stormy night; the rain fell in torrents. " * 12
    stream = "true" if "stream" in model else "false"
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}],"max_tokens":500,"stream":{stream}}}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


@dataclass
class Steady:
    """One run, and what it has seen."""

    made: Installation
    driver: Driver
    url: str
    log: Path
    samples: list[Sample] = field(default_factory=list)
    tables: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    """(Calls so far, rows by table) at the ends of the warm-up and of the three thirds."""

    async def run(self, rate: float, seconds: float) -> None:
        driving = asyncio.ensure_future(self.driver.drive(rate, seconds))
        step = min(max(seconds / 90, 1.0), 10.0)
        warm, start = seconds * WARM_UP, time.monotonic()
        marks = [warm + (seconds - warm) * part / 3 for part in range(4)]
        while not driving.done():
            await asyncio.sleep(step)
            elapsed = time.monotonic() - start
            sample = await asyncio.to_thread(self._look)
            sample.sizes["journal"] = await written(self.url)
            if elapsed >= warm and not driving.done():
                self.samples.append(sample)
            if len(self.tables) < 4 and elapsed >= min(marks[len(self.tables)], seconds - 2 * step):
                self.tables.append((self.driver.calls, await count_rows(self.url)))
        await driving
        await self.driver.drain()

    def _look(self) -> Sample:
        times, self.driver.times = sorted(self.driver.times) or [0.0], []
        data = self.made.data
        sizes = {
            "journals": sum(file.stat().st_size for file in data.glob("journals/*/*")),
            "call log": self.log.stat().st_size,
            "sqlite": _size(data / "entrepot.db"),
            "sqlite wal": _size(data / "entrepot.db-wal"),
        }
        p50, p99 = times[len(times) // 2], times[min(len(times) * 99 // 100, len(times) - 1)]
        return Sample(self.driver.calls, 1000 * p50, 1000 * p99, resident(self.made), sizes)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def resident(made: Installation) -> dict[str, int]:
    """Bytes by process."""
    found = {"supervisor": psutil.Process(made.process.pid).memory_info().rss}
    for child in psutil.Process(made.process.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            name = child.cmdline()[-1].rpartition(".")[2]
            number = sum(other.startswith(name) for other in found)
            found[f"{name} {number}" if number else name] = child.memory_info().rss
    return found


async def written(url: str) -> int:
    """Bytes of journal that are in the database."""
    database = await open_database(url)
    try:
        return int((await database.fetch("SELECT CAST(sum(applied) AS BIGINT) FROM journals"))[0][0])
    finally:
        await database.close()


async def count_rows(url: str) -> dict[str, int]:
    """Rows of every table."""
    database = await open_database(url)
    try:
        names = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if database.dialect == "sqlite"
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^usage_[0-9]'"
        )
        return {name: (await database.fetch(f"SELECT count(*) FROM {name}"))[0][0] for (name,) in await database.fetch(names)}
    finally:
        await database.close()


def thirds(samples: list[Sample]) -> list[list[Sample]]:
    """First, middle and last."""
    size = max(len(samples) // 3, 1)
    return [samples[:size], samples[size : 2 * size], samples[-size:]]


def judge(run: Steady) -> list[Row]:
    """Every row with its rule."""
    parts = thirds(run.samples)
    rows = [_latency("p50 ms", [fmean(s.p50 for s in part) for part in parts], 1.25, 1.0)]
    rows.append(_latency("p99 ms", [fmean(s.p99 for s in part) for part in parts], 1.5, 5.0))
    for name in run.samples[0].resident:
        values = [fmean(s.resident.get(name, 0) for s in part) / 2**20 for part in parts]
        good = values[2] <= values[0] * 1.03 + 3
        rows.append(Row(f"resident MB, {name}", _three(values), "the last at most 3 % + 3 MB over the first", good))
    rows += [_growth(parts, name, most) for name, most in (("journal", 1024), ("call log", 1024), ("sqlite", 2048))]
    rows.append(_ahead(parts))
    wal = [max(s.sizes["sqlite wal"] for s in part) / 2**20 for part in parts]
    rows.append(Row("largest sqlite wal, MB", _three(wal), "at most 64", max(wal) <= 64))
    return rows + _table_rows(run)


def _latency(name: str, values: list[float], factor: float, more: float) -> Row:
    good = values[2] <= values[0] * factor + more
    return Row(name, _three(values), f"the last at most {factor} x the first + {more:.0f}", good)


def _growth(parts: list[list[Sample]], name: str, most: int) -> Row:
    values = []
    for part in parts:
        calls = max(part[-1].calls - part[0].calls, 1)
        values.append((part[-1].sizes[name] - part[0].sizes[name]) / calls)
    return Row(f"{name}, bytes a call", _three(values), f"at most {most}", max(values) <= most)


def _ahead(parts: list[list[Sample]]) -> Row:
    """Segments are made whole and ahead."""
    values = [max(s.sizes["journals"] - s.sizes["journal"] for s in part) / 2**20 for part in parts]
    workers = len([name for name in parts[0][0].resident if name.startswith("gateway")])
    most = 24 * workers
    return Row("journals beyond what is written, MB", _three(values), f"at most {most}", max(values) <= most)


def _table_rows(run: Steady) -> list[Row]:
    """Of each table that grows: rows for 1,000 calls."""
    rows, marks = [], run.tables
    for name in marks[0][1]:
        values = [
            1000 * (after[1].get(name, 0) - before[1].get(name, 0)) / max(after[0] - before[0], 1)
            for before, after in itertools.pairwise(marks)
        ]
        if not any(values) or len(values) < 3:
            continue
        most = 1000 if name == "usage" else 5
        good = values[2] <= most * 1.05  # the last calls may still be in the journal
        rows.append(Row(f"rows of {name}, a thousand calls", _three(values), f"at most {most} in the last third", good))
    return rows


def _three(values: list[float]) -> tuple[float, float, float]:
    return values[0], values[1], values[2]


async def account(run: Steady) -> list[str]:
    """What does not fit between the calls that were answered and the database; empty is right."""
    await flushed(run.made)
    database = await open_database(run.url)
    try:
        (found,) = await database.fetch(
            "SELECT count(*), CAST(sum(charge) AS BIGINT), sum(shortfall) FROM usage WHERE outcome = 'ok'"
        )
        report = await verify(database)
    finally:
        await database.close()
    calls = run.driver.calls
    wrong = list(report.findings)
    if (int(found[0]), int(found[1] or 0), int(found[2] or 0)) != (calls, calls * DUE, 0):
        wrong.append(f"{calls} answers of {DUE} nano-USD each; in the database: rows, charges, shortfall {tuple(found)}")
    zero = ("entrepot_journal_rejects_total", "entrepot_money_shortfalls_total", "entrepot_call_lines_dropped")
    return wrong + [f"{name} is {value:.0f}" for name in zero if (value := metric(run.made, name))]


@contextlib.contextmanager
def installation(folder: Path, plan: Plan, vendor_port: int) -> Iterator[tuple[Installation, str, Path]]:
    """A server whose call log goes to a file; its database's URL, and the file."""
    config, log = folder / "money.toml", folder / "server.log"
    config.write_text(tables(WHO, balance="1000000", quota="1000000") + CHANNEL.format(port=vendor_port))
    arguments = ("--config", str(config), "--workers", str(plan.workers))
    if not plan.postgresql:
        with serve(folder / "data", *arguments, log=log) as made:
            yield made, f"sqlite:///{folder / 'data' / 'entrepot.db'}", log
        return
    server = PostgresServer()
    try:
        server.sql("CREATE DATABASE entrepot")
        url = server.url("entrepot")
        with serve(folder / "data", *arguments, log=log, environment={"ENTREPOT_DATABASE_URL": url}) as made:
            yield made, url, log
    finally:
        server.remove()


def steady(plan: Plan, tell: Tell) -> bool:
    """The whole of it. True where every rule holds."""
    folder = Path(tempfile.mkdtemp(prefix="entrepot-steady-"))
    try:
        with vendor() as port, installation(folder, plan, port) as (made, url, log):
            return asyncio.run(_steady(made, url, log, plan, tell))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _steady(made: Installation, url: str, log: Path, plan: Plan, tell: Tell) -> bool:
    driver = Driver(made.port)
    run = Steady(made, driver, url, log)
    await driver.open(LINES)
    await driver.capacity(48, 5)  # to warm up
    most = await driver.capacity(48, 10)
    rate = most * plan.share
    tell(f"{most:.0f} calls a second at most; {rate:.0f} for {plan.minutes:g} minutes, four whole to one stream of 20 chunks")
    await run.run(rate, plan.minutes * 60)
    assert not driver.error, driver.error
    wrong = await account(run)
    rows = judge(run)
    driver.close()
    tell(table(rows))
    tell(
        f"{driver.calls} calls; " + ("each charged once and right, the ledger verifies" if not wrong else "; ".join(wrong[:10]))
    )
    bad = [row.name for row in rows if not row.good]
    tell("verdict: all is flat" if not bad else f"verdict: {', '.join(bad)}")
    return not bad and not wrong


def table(rows: list[Row]) -> str:
    """As text."""
    width = max(len(row.name) for row in rows)
    lines = [f"{'':{width}}  {'first':>10}  {'middle':>10}  {'last':>10}"]
    for row in rows:
        values = "  ".join(f"{value:10.1f}" for value in row.thirds)
        lines.append(f"{row.name:{width}}  {values}  {'good' if row.good else 'BAD '}  {row.rule}")
    return "\n".join(lines)
