"""Does a call cost the same among a million keys as among ten, and among ten thousand channels as among three?

`python bench/scale.py [--quick] [--postgresql] [--write]`. The same worker on installations of different sizes, which take
turns in one run; and how long a worker needs for a new snapshot of the configuration, and what calls notice of it.
`--write` puts the table into docs/benchmarks.md. Vendor, load and cores as in bench/gateway.py.
"""

import argparse
import asyncio
import contextlib
import gc
import hashlib
import itertools
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil
import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.gateway import AT_ONCE, fresh_folder, settle
from bench.gateway_report import Found, facts, write
from bench.gateway_servers import Server, gateway, vendor
from bench.load import Line, Lines, Run, request, taking_turns
from entrepot.providers.catalogue import load_catalogue
from entrepot.providers.places import Places
from entrepot.settings import Settings
from entrepot.snapshot.load import load
from entrepot.store.contract import Many, Statement
from entrepot.store.feed import SNAPSHOT, announcement
from entrepot.store.raw import Database, open_database
from entrepot.store.vault import Vault, channel_key_place, local_vault
from tests.databases import PostgresServer

ACTIVE = 10
"""Keys that call by turns."""
POOL = "pool-of-all-channels-0"
"""A model that every channel serves, mapped to the vendor's; the name is as long as that, so that answers are too."""
FIRST = 1000
"""Ids of what is filled in begin here."""
RATE = 100
"""Calls a second while latencies are measured."""


@dataclass(frozen=True, slots=True)
class Size:
    """Of an installation."""

    keys: int
    channels: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    rounds: int
    calls: int
    cold: int
    seconds: float
    sizes: dict[str, Size]


FULL = Effort(
    5,
    5_000,
    2_000,
    8,
    {"10 keys, 3 channels": Size(10, 3), "1 M keys": Size(1_000_000, 3), "10,000 channels": Size(10, 10_000)},
)
QUICK = Effort(
    2, 2_000, 1_000, 3, {"10 keys, 3 channels": Size(10, 3), "20,000 keys": Size(20_000, 3), "1,000 channels": Size(10, 1_000)}
)


def secret(number: int) -> str:
    """Of a key: set by hand, so without a checksum."""
    return f"sk-scale-{number:012d}"


# Filling.


def fill(settings: Settings, size: Size, vendor_port: int) -> None:
    """Users with a wallet each, a key with a quota each, and channels."""
    asyncio.run(_fill(settings, size, vendor_port))


async def _fill(settings: Settings, size: Size, vendor_port: int) -> None:
    db = await open_database(settings.database, slow=True)
    ids = range(FIRST, FIRST + size.keys)
    much = str(10**12)
    wallet = {"ref": "$1", "kind": "'wallet'", "remaining": much}
    inserts: list[tuple[str, Iterable[tuple[Any, ...]]]] = [
        (_into("users", id="$1", name="$2"), ((n, f"user {n}") for n in ids)),
        (
            _into("keys", id="$1", user_id="$1", name="''", sha256="$2", hint="''", quota=much),
            ((n, hashlib.sha256(secret(n).encode()).hexdigest()) for n in ids),
        ),
        (_into("buckets", **wallet), ((f"wallet:user:{n}",) for n in ids)),
        (_into("buckets", **(wallet | {"kind": "'quota'", "cap": much})), ((f"quota:key:{n}",) for n in ids)),
        *_channels(local_vault(settings), size.channels, vendor_port),
    ]
    for sql, rows in inserts:
        for some in _chunks(rows, 20_000):
            await db.transaction([Many(sql, some)])
    model = _into("models", id="$1", name="$2")
    price = "INSERT INTO prices (model_id, kind, nano, valid_from) VALUES ($1, $2, 1000000000, 0)"
    for number, name in enumerate(("bench-*", POOL, *(f"model-{n}" for n in range(500)))):
        await db.execute(model, FIRST + number, name)
        await db.transaction([Many(price, [(FIRST + number, kind) for kind in ("input", "output")])])
    if db.dialect == "postgresql":
        await db.execute("ANALYZE")
    await db.close()


def _channels(vault: Vault, count: int, vendor_port: int) -> list[tuple[str, Iterable[tuple[Any, ...]]]]:
    """Three serve what is called; the others serve twenty of five hundred models, and all serve the pool."""
    url = f"http://127.0.0.1:{vendor_port}/v1"

    def models(n: int) -> str:
        names = ["bench-*"] if n < 3 else [f"model-{(n * 7 + k * 31) % 500}" for k in range(20)]
        return "[" + ",".join(f'"{name}"' for name in names) + "]"

    return [
        (
            _into("channels", id="$1", name="$2", provider="'openai'", base_url="$3", models="$4", model_map="$5"),
            ((FIRST + n, f"channel {n}", url, models(n), f'{{"{POOL}":"bench-whole"}}') for n in range(count)),
        ),
        (
            "INSERT INTO channel_keys (id, channel_id, position, secret, hint) VALUES ($1, $1, 0, $2, '')",
            ((FIRST + n, vault.seal(f"sk-vendor-{n}", channel_key_place(FIRST + n))) for n in range(count)),
        ),
    ]


def _into(table: str, **values: str) -> str:
    names = {**values, "created_at": "0"}
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(names.values())})"


def _chunks(rows: Iterable[tuple[Any, ...]], most: int) -> Iterator[list[tuple[Any, ...]]]:
    rest = iter(rows)
    while some := list(itertools.islice(rest, most)):
        yield some


# Calls.


class Turns(Run):
    """Calls by many keys: each has the next request."""

    def __init__(self, requests: Iterator[bytes], count: int) -> None:
        super().__init__(b"", count, stream=False)
        self.requests = requests

    def start(self, line: Line) -> None:
        if self.left > 0:
            self.data = next(self.requests)
        super().start(line)


async def by_turns(server: Server, lines: Lines, requests: Iterator[bytes], count: int) -> float:
    """CPU µs a call."""
    await lines.open(AT_ONCE)
    run, spent = Turns(requests, count), server.cpu()
    for line in lines.all[:AT_ONCE]:
        run.start(line)
    await asyncio.wait_for(run.over, 300)
    await asyncio.sleep(0.6)  # its flush belongs to it
    return (server.cpu() - spent) / count * 1e6


def requests_of(model: str, numbers: Iterable[int]) -> Iterator[bytes]:
    """Requests by these keys."""
    before, after = request(model, "@KEY@").split(b"@KEY@")
    return (before + secret(number).encode() + after for number in numbers)


async def costs(servers: dict[str, Server], found: dict[str, Found], effort: Effort) -> None:
    """Rounds in which all take their turn."""
    lines = {name: Lines(server.port) for name, server in servers.items()}
    plans = {
        name: {
            "call": requests_of("bench-whole", itertools.cycle(range(FIRST, FIRST + ACTIVE))),
            "pool": requests_of(POOL, itertools.cycle(range(FIRST, FIRST + ACTIVE))),
            "first": requests_of("bench-whole", itertools.count(FIRST + ACTIVE)),
        }
        for name in servers
    }
    for name, server in servers.items():
        for what in ("call", "pool"):
            await by_turns(server, lines[name], plans[name][what], 1000)
    for number in range(effort.rounds):
        for name in servers if number % 2 else reversed(servers):
            size, server = effort.sizes[name], servers[name]
            for what in ("call", "pool"):
                found[name].add(what, await by_turns(server, lines[name], plans[name][what], effort.calls))
            if size.keys > ACTIVE + effort.cold * effort.rounds:
                found[name].add("first", await by_turns(server, lines[name], plans[name]["first"], effort.cold))
            found[name].add("resident", server.resident() / 2**20)
        print(f"  round {number + 1} of {effort.rounds}", file=sys.stderr)
    for each in lines.values():
        each.close()


# Snapshots.


async def snapshots(settings: Settings, found: Found) -> None:
    """In a process that does nothing else: time, memory, and the longest time that its loop was away."""
    db = await open_database(settings.database)
    vault, places = local_vault(settings), Places(load_catalogue())
    await db.execute("DELETE FROM channels WHERE base_url LIKE 'self:%'")  # of another process
    away = 0.0

    async def pulse() -> None:
        nonlocal away
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            away = max(away, time.perf_counter() - began - 0.001)

    gc.collect()
    before = psutil.Process().memory_info().rss
    kept = await load(db, vault, places)
    gc.collect()
    found.add("snapshot memory", (psutil.Process().memory_info().rss - before) / 2**20)
    beating = asyncio.ensure_future(pulse())
    for _ in range(3):
        began, spent = time.perf_counter(), time.process_time()
        assert (await load(db, vault, places)).version == kept.version
        found.add("snapshot", (time.perf_counter() - began) * 1e3)
        found.add("snapshot CPU", (time.process_time() - spent) * 1e3)
    found.add("away", away * 1e3)
    beating.cancel()
    await db.close()


async def changes(server: Server, db: Database, found: Found, seconds: float) -> None:
    """Latencies of calls while nothing changes, and while the configuration changes each second."""
    data = {server.port: next(requests_of("bench-whole", [FIRST]))}
    for what in ("still", "changing"):
        changing = asyncio.ensure_future(_change(db)) if what == "changing" else None
        times = (await taking_turns(data, seconds, RATE, stream=False))[server.port]
        if changing is not None:
            changing.cancel()
        found.add(f"{what} p50", median(times) * 1e3)
        found.add(f"{what} p99", quantiles(times, n=100)[98] * 1e3)
        found.add(f"{what} worst", max(times) * 1e3)


async def _change(db: Database) -> None:
    while True:
        await db.transaction([step for step in announcement(db.dialect, SNAPSHOT) if isinstance(step, Statement)])
        await asyncio.sleep(1)


# All of it.

ROWS = {
    "call": ("CPU µs, warm call", True),
    "pool": ("CPU µs, warm call of a model that all channels serve", True),
    "first": ("CPU µs, a key's first call (look-up, lease, hold, settle, flush, lease back)", False),
    "resident": ("MB resident after all calls", True),
    "snapshot": ("ms to make a new snapshot", False),
    "snapshot CPU": ("of it CPU", False),
    "away": ("longest ms that the event loop was away meanwhile", False),
    "snapshot memory": ("MB of a snapshot", False),
    "still p50": ("ms a call at 100/s, p50", False),
    "still p99": ("p99", False),
    "still worst": ("worst", False),
    "changing p50": ("ms a call while the configuration changes each second, p50", False),
    "changing p99": ("p99", False),
    "changing worst": ("worst", False),
}


def table(found: dict[str, Found]) -> str:
    """One column an installation; costs with their ratio to the smallest one."""
    names = list(found)
    lines = ["| | " + " | ".join(names) + " |", "| --- |" + " --: |" * len(names)]
    for what, (label, ratio) in ROWS.items():
        base, cells = found[names[0]].of(what), []
        for name in names:
            value = found[name].of(what)
            text = "–" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
            cells.append(f"{text} (**{value / base:.2f}**)" if ratio and value and base and name != names[0] else text)
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def measure(effort: Effort, postgres: PostgresServer | None) -> dict[str, Found]:
    """Everything."""
    found = {name: Found() for name in effort.sizes}
    with vendor() as port, fresh_folder() as folder, contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        databases: dict[str, Settings] = {}
        for number, (name, size) in enumerate(effort.sizes.items()):
            url, data = None, folder()
            if postgres is not None:
                postgres.sql(f"CREATE DATABASE scale{number} TEMPLATE template0")
                url = postgres.url(f"scale{number}")
            print(f"  filling: {name}", file=sys.stderr)
            databases[name] = Settings(data_dir=str(data), database_url=url)
            start = gateway(data, port, name, database=url, fill=lambda s, size=size: fill(s, size, port))
            servers[name] = stack.enter_context(start)
            uvloop.run(snapshots(databases[name], found[name]))
        gc.freeze()
        uvloop.run(costs(servers, found, effort))
        for name, server in servers.items():
            print(f"  latencies: {name}", file=sys.stderr)
            uvloop.run(_latencies(server, databases[name], found[name], effort.seconds))
    return found


async def _latencies(server: Server, settings: Settings, found: Found, seconds: float) -> None:
    db = await open_database(settings.database)
    await changes(server, db, found, seconds)
    await db.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller installations, a rough picture")
    parser.add_argument("--postgresql", action="store_true", help="PostgreSQL in the place of SQLite")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    options = parser.parse_args()
    settle()
    postgres = PostgresServer(autovacuum="on", shared_buffers="512MB") if options.postgresql else None
    try:
        text = table(measure(QUICK if options.quick else FULL, postgres))
    finally:
        if postgres is not None:
            postgres.remove()
    given = [word for word in ("--quick", "--postgresql", "--write") if getattr(options, word[2:])]
    text += "\n\n" + facts(" ".join(["python bench/scale.py", *given]), ["PostgreSQL." if options.postgresql else "SQLite."])
    print(text)
    if options.write:
        write(text, "scale")


if __name__ == "__main__":
    main()
