"""The finished gateway against nginx's proxy_pass, and against itself with aiohttp as its upstream client.

`python bench/gateway.py [--quick] [--write]`: CPU a call and a chunk, added latency, memory a stream, as ratios
in one run. The server under test has the first core for itself; vendor and load share the last one.
`--write` puts the table into docs/benchmarks.md.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.gateway_report import Found, facts, table, write
from bench.gateway_servers import Server, gateway, nginx, nginx_command, on_aiohttp, vendor
from bench.load import Lines, Run, request, taking_turns

AT_ONCE = 32
"""Whole calls in flight."""
CHUNKS = 200
"""A stream's chunks with content."""
PACE = 20
"""Milliseconds between two chunks of a stream."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    calls: int
    long_calls: int
    streams: int
    held: int
    """Streams that are open at once while memory is measured."""
    held_pace: int
    """Milliseconds between two chunks of one of these."""
    seconds: float
    """Of each latency measurement."""


FULL = Size(rounds=5, calls=10_000, long_calls=2_000, streams=100, held=2_000, held_pace=4_000, seconds=10)
QUICK = Size(rounds=1, calls=4_000, long_calls=800, streams=60, held=500, held_pace=2_000, seconds=4)

Contestant = Callable[[Path, int], contextlib.AbstractContextManager[Server]]


async def calls(server: Server, lines: Lines, found: Found, size: Size) -> None:
    """CPU of whole calls, short and long."""
    data = request("bench-whole", server.key)
    began, spent = time.perf_counter(), server.cpu()
    await lines.calls(data, size.calls, AT_ONCE)
    found.add("call", (server.cpu() - spent) / size.calls * 1e6)
    found.add("rate", size.calls / (time.perf_counter() - began))
    data = request("bench-whole", server.key, 100 * 1024)
    spent = server.cpu()
    await lines.calls(data, size.long_calls, 8)
    found.add("long call", (server.cpu() - spent) / size.long_calls * 1e6)


async def streams(server: Server, lines: Lines, found: Found, size: Size) -> None:
    """CPU of streams, all of it, by chunks."""
    data = request(f"bench-stream-{CHUNKS}-{PACE}", server.key)
    spent = server.cpu()
    run = await lines.calls(data, size.streams, size.streams, stream=True)
    spent = server.cpu() - spent
    _check(run, size.streams)
    found.add("chunk", spent / (size.streams * CHUNKS) * 1e6)


def _check(run: Run, streams: int) -> None:
    """Every chunk came, and nearly every one by itself: batches would make the server look cheap."""
    expected = streams * (CHUNKS + 3)
    if not expected * 0.99 <= run.frames <= expected:
        raise SystemExit(f"{run.frames} chunks came instead of {expected}")
    if run.reads < 0.9 * streams * CHUNKS:
        print(f"  note: {run.reads} reads for {run.frames} chunks: some came in batches", file=sys.stderr)


async def costs(servers: list[Server], found: dict[str, Found], size: Size) -> None:
    """Rounds in which all take their turn."""
    lines = {server.name: Lines(server.port) for server in servers}
    for server in servers:
        await lines[server.name].calls(request("bench-whole", server.key), 500, AT_ONCE)
    for number in range(size.rounds):
        order = servers if number % 2 else servers[::-1]
        for server in order:
            await calls(server, lines[server.name], found[server.name], size)
            await streams(server, lines[server.name], found[server.name], size)
        print(f"  round {number + 1} of {size.rounds}", file=sys.stderr)
    for each in lines.values():
        each.close()
    await asyncio.sleep(1)
    spent = {server.name: server.cpu() for server in servers}
    await asyncio.sleep(3)
    for server in servers:
        found[server.name].add("idle", (server.cpu() - spent[server.name]) / 3 * 1e3)


async def latencies(servers: list[Server], vendor_port: int, found: dict[str, Found], size: Size) -> None:
    """What a call at 50 a second waits longer than on a direct line."""
    plans = {"call": ("bench-whole", False), "first": ("bench-stream-3-5", True)}
    for what, (model, stream) in plans.items():
        requests = {server.port: request(model, server.key) for server in servers}
        requests[vendor_port] = request(model, "none")
        times = await taking_turns(requests, size.seconds, 50, stream=stream)
        direct = _percentiles(times[vendor_port])
        for server in servers:
            mine = _percentiles(times[server.port])
            for name, value, base in zip(("p50", "p99"), mine, direct, strict=True):
                found[server.name].add(f"{what} {name}", (value - base) * 1e3)


def _percentiles(times: list[float]) -> tuple[float, float]:
    return median(times), quantiles(times, n=100)[98]


async def memory(server: Server, found: Found, size: Size) -> None:
    """Resident memory of a fresh process: at rest, and for each open stream."""
    found.add("rest", server.resident() / 2**20)
    lines = Lines(server.port)
    await lines.calls(request("bench-whole", server.key), 200, 4)
    await lines.calls(request("bench-stream-5-1", server.key), 20, 4, stream=True)
    before = server.resident()
    await lines.hold(request(f"bench-stream-1000000-{size.held_pace}", server.key), size.held)
    await asyncio.sleep(size.held_pace / 1000 + 0.5)  # by then each has had a second chunk
    found.add("stream memory", (server.resident() - before) / size.held / 1024)
    lines.close()
    await asyncio.sleep(0.5)


@contextlib.contextmanager
def fresh_folder() -> Iterator[Callable[[], Path]]:
    """Makes names of folders that do not exist yet; all are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="entrepot-bench-") as folder:
        numbers = iter(range(1000))
        yield lambda: Path(folder) / str(next(numbers))


def measure(contestants: dict[str, Contestant], size: Size) -> dict[str, Found]:
    """Everything."""
    found = {name: Found() for name in contestants}
    with vendor() as port, fresh_folder() as folder:
        for name, start in contestants.items():
            print(f"  memory: {name}", file=sys.stderr)
            with start(folder(), port) as server:
                uvloop.run(memory(server, found[name], size))
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(start(folder(), port)) for start in contestants.values()]
            gc.freeze()
            uvloop.run(costs(servers, found, size))
            print("  latencies", file=sys.stderr)
            uvloop.run(latencies(servers, port, found, size))
    return found


def settle() -> None:
    """Files enough for all connections, and this process (the load) with its vendor on the last core."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[-1]})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough picture in under a minute")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    settle()
    contestants: dict[str, Contestant] = {"nginx": nginx, "entrepot": gateway, "aiohttp": on_aiohttp}
    notes: list[str] = []
    if nginx_command() is None:
        del contestants["nginx"]
        notes.append("nginx is absent (apt install nginx): its column is missing.")
    size = QUICK if options.quick else FULL
    text = table(measure(contestants, size))
    command = "bench/gateway.py" + (" --quick" if options.quick else "") + (" --write" if options.write else "")
    text += "\n\n" + facts(f"python {command}", notes)
    print(text)
    if options.write:
        write(text, "gateway")


if __name__ == "__main__":
    main()
