"""What money costs a call, in µs: hold, settle with its journal record, and the share of the flush.

`python -m bench.buckets [calls] [cold calls]`. On SQLite, and on PostgreSQL from the wheel that the tests use.
Warm: one wallet and one quota with leases in memory. Cold: each call has a wallet and a quota of its own
that nobody has used before; a number of callers wait at the same time and share transactions.
"""

import asyncio
import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from entrepot.buckets import accounts
from entrepot.buckets.desk import Buckets, Options
from entrepot.buckets.journal import Journal
from entrepot.buckets.record import encode, settled
from entrepot.buckets.rows import Facts
from entrepot.buckets.verify import verify
from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage
from entrepot.kit.clock import SystemClock
from entrepot.store.contract import Many
from entrepot.store.migrate import migrate
from entrepot.store.raw import Database, open_database
from tests.databases import PostgresServer

CALLERS = 64
"""Cold calls at once."""
PORTION = 500
"""Warm calls between two flushes: what a busy worker has in a quarter of a second."""
PRICES = '{"input":150000000,"cache_read":75000000,"output":600000000}'


def facts(number: int) -> Facts:
    """A call as most are."""
    record = Record(
        id=f"req_20261120abcdefg{number:010d}",
        operation="chat",
        dialect="chat",
        arrived=1_795_000_000.0 + number / 1000,
        status=200,
        outcome="ok",
        fault=None,
        model="gpt-4o-mini",
        stream=True,
        address="203.0.113.7",
        client_id=None,
        user_id=3,
        key_id=4,
        key_name="app",
        group="default",
        channel_id=5,
        channel="north",
        provider="openai",
        upstream_model="gpt-4o-mini",
        attempts=(Attempt("north", 5, 8, 200, 456.78),),
        usage=Usage(input=812, cache_read=128, output=240),
        ttft_ms=210.123,
        total_ms=1234.567,
        bytes_in=3900,
        bytes_out=18_000,
    )
    return Facts(record, PRICES, 1_000_000, "bf401473e72a")


class Stopwatch:
    """Wall time, time of this thread, and CPU time of the process, in µs a call; adds up."""

    wall = thread = process = 0.0

    @contextmanager
    def over(self, count: int) -> Iterator[None]:
        started = time.perf_counter(), time.thread_time(), time.process_time()
        yield
        self.wall += (time.perf_counter() - started[0]) / count * 1e6
        self.thread += (time.thread_time() - started[1]) / count * 1e6
        self.process += (time.process_time() - started[2]) / count * 1e6

    def row(self, name: str) -> None:
        print(f"  {name:<44}{self.wall:9.2f}{self.thread:9.2f}{self.process:9.2f}")


async def journal_alone(count: int, folder: Path) -> None:
    """Encoding and the write to the page cache."""
    journal = Journal.create(folder)
    records = [settled(facts(number), ((2, 1000), (3, 1000)), 2000) for number in range(count)]
    journal.tend(count * 700)
    watch = Stopwatch()
    with watch.over(count):
        payloads = [encode(record) for record in records]
    watch.row(f"encode a record ({len(payloads[0])} bytes)")
    with watch.over(count):
        for payload in payloads:
            journal.append(payload)
    watch.row("append to the journal")
    journal.discard()


async def warm(db: Database, count: int, desk: Buckets) -> None:
    wallet = await accounts.open_bucket(db, "wallet", "wallet:bench")
    quota = await accounts.open_bucket(db, "quota", "quota:bench", 10**15)
    await accounts.credit(db, wallet, 10**15, kind="topup", reference="bench")
    wants = [(wallet, 2000), (quota, 2000)]
    waiting = asyncio.create_task(desk.hold([(wallet, 10**11), (quota, 10**11)]))  # awaited right here
    await asyncio.sleep(0)
    await desk.step()
    (await waiting).release()
    holding, settling, flushing = Stopwatch(), Stopwatch(), Stopwatch()
    rounds = desk.figures.rounds
    gc.disable()  # so many open holds at once are the bench's, not a worker's
    for start in range(0, count, PORTION):
        said = [facts(number) for number in range(start, min(start + PORTION, count))]
        with holding.over(count):
            held = [desk.try_hold(wants) for _ in said]
        assert None not in held
        with settling.over(count):
            for one, each in zip(held, said, strict=True):
                assert one is not None
                one.settle(1000, each)
        with flushing.over(count):
            while desk.lag:
                await desk.step()
    gc.enable()
    holding.row("hold, two buckets")
    settling.row("settle, with its journal record")
    flushing.row(f"flush, {desk.figures.rounds - rounds} transactions")


async def cold(db: Database, count: int, desk: Buckets) -> None:
    now = int(time.time() * 1e6)
    rows = [(f"wallet:cold:{n}", "wallet", None) for n in range(count)] + [
        (f"quota:cold:{n}", "quota", 10**9) for n in range(count)
    ]
    await db.transaction(
        [
            Many(
                "INSERT INTO buckets (ref, kind, cap, remaining, created_at) VALUES ($1, $2, $3, 1000000000, $4)",
                [(*row, now) for row in rows],
            )
        ]
    )
    await db.execute(
        "INSERT INTO ledger (bucket_id, kind, amount, reference, at) "
        "SELECT id, 'topup', remaining, ref, 0 FROM buckets WHERE ref LIKE 'wallet:cold:%'"
    )
    found = dict(await db.fetch("SELECT ref, id FROM buckets"))
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            wants = [(found[f"wallet:cold:{number}"], 2000), (found[f"quota:cold:{number}"], 2000)]
            held = await desk.hold(wants)
            held.settle(1000, facts(10**8 + number))

    watch = Stopwatch()
    rounds = desk.figures.rounds
    with watch.over(count):
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        while desk.lag:
            await asyncio.sleep(0.01)
    watch.row(f"cold: lease, hold, settle, flush ({(desk.figures.rounds - rounds)} rounds)")
    accounts_left = len(desk.flusher.accounts)
    watch = Stopwatch()
    with watch.over(count):
        await desk.close()
    watch.row(f"cold: giving {accounts_left} accounts back at the end")


async def run(name: str, url: str, counts: tuple[int, int]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="entrepot-bench-"))
    db = await open_database(url)
    print(f"{name}: µs a call{'':<32}{'wall':>9}{'loop':>9}{'process':>9}")
    try:
        await journal_alone(counts[0], folder / "alone")
        # Room for a portion's records at once: the loop is not left between holds here. Flushed when told, in this task.
        desk = await Buckets.open(db, folder, SystemClock(), Options(segment_size=PORTION * 20_000, background=False))
        await warm(db, counts[0], desk)
        await desk.close()
        desk = await Buckets.open(db, folder, SystemClock(), Options())
        await cold(db, counts[1], desk)
        report = await verify(db)
        print(f"  every sum holds: {report.ok}; charged {report.charged} nano-USD in {counts[0] + counts[1]} calls")
    finally:
        await db.close()
        shutil.rmtree(folder)


def main() -> None:
    """Both databases, one after the other."""
    counts = (int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
    with tempfile.TemporaryDirectory(prefix="entrepot-bench-") as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrate(url)
        asyncio.run(run("SQLite", url, counts))
    server = PostgresServer()
    try:
        migrate(server.url())
        asyncio.run(run("PostgreSQL", server.url(), counts))
    finally:
        server.remove()


if __name__ == "__main__":
    main()
