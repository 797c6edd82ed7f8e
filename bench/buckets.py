"""What money costs a call, in µs: hold, settle with its journal record, and the share of the flush.

`python -m bench.buckets [calls] [cold calls] [sqlite] [postgresql]`. PostgreSQL is the wheel that the tests use.
Warm: one wallet and one quota with leases in memory. Cold: each call is by a key, with a wallet and a quota of its own,
that nobody has used before; a number of callers wait at the same time and share transactions. With 1000000 cold calls it
says every ten seconds how far it is, ends by itself after some minutes, and shows that memory and leases stay bounded.
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

import psutil

from entrepot.buckets import accounts
from entrepot.buckets.desk import Buckets, Options
from entrepot.buckets.errors import RefusedError
from entrepot.buckets.held import Held
from entrepot.buckets.journal import Journal
from entrepot.buckets.record import encode, settled
from entrepot.buckets.rows import Facts
from entrepot.buckets.verify import verify
from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage
from entrepot.kit.clock import SystemClock
from entrepot.store.migrate import migrate
from entrepot.store.raw import Database, open_database
from tests.databases import PostgresServer

CALLERS = 64
"""Cold calls at once."""
PORTION = 500
"""Warm calls between two flushes: what a busy worker has in a quarter of a second."""
COLD_SECONDS = 480.0
"""Longest time for the cold calls of one database."""
LOOK_SECONDS = 10.0
PORTION = 500
"""Warm calls between two flushes: what a busy worker has in a quarter of a second."""
PRICES = '{"input":150000000,"cache_read":75000000,"output":600000000}'


def facts(number: int, key_id: int = 4) -> Facts:
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
        key_id=key_id,
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

    def share(self, count: int) -> "Stopwatch":
        """The same, for each of `count` calls."""
        made = Stopwatch()
        made.wall, made.thread, made.process = (value / count for value in (self.wall, self.thread, self.process))
        return made

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


class Watch:
    """Says every few seconds how far the cold calls are, what they cost, and what they leave in memory and on disk."""

    def __init__(self, db: Database, desk: Buckets, count: int) -> None:
        self._db = db
        self._desk = desk
        self._count = count
        self._process = psutil.Process()
        self.done = 0
        self.memory: list[float] = []
        """MB resident, at each look."""
        self.accounts = self.leases = 0
        """The most at once: in memory, and rows in the database."""
        self.refused = 0
        """Calls that would have got an answer of 429 or 503: the database took two seconds for a round."""
        self.slowest = 0.0
        """Longest that the loop was away, in ms."""

    @property
    def resident(self) -> float:
        return self._process.memory_info().rss / 1e6

    async def look(self) -> None:
        """Until it is cancelled."""
        done, then = 0, time.perf_counter()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            ((leases,),) = await self._db.fetch("SELECT count(*) FROM leases")
            accounts, now = len(self._desk.flusher.accounts), time.perf_counter()
            self.accounts, self.leases = max(self.accounts, accounts), max(self.leases, leases)
            self.memory.append(self.resident)
            took = (now - then) / max(self.done - done, 1) * 1e6
            done, then = self.done, now
            print(
                f"    {done:>9,} of {self._count:,}: {took:6.0f} µs a call, {self.resident:4.0f} MB, {accounts:,} accounts, "
                f"{leases:,} leases, loop away {self.slowest:.0f} ms",
                flush=True,
            )

    async def pulse(self) -> None:
        """How long others on this loop would have waited."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            self.slowest = max(self.slowest, (time.perf_counter() - before) * 1000 - 5)


async def fill(db: Database, count: int) -> tuple[int, int]:
    """A wallet and a quota for each of `count` keys; gives the ids of the first of each, the others follow."""
    numbers = (
        f"SELECT generate_series(0, {count - 1}) AS n"
        if db.dialect == "postgresql"
        else f"WITH RECURSIVE s(n) AS (VALUES(0) UNION ALL SELECT n + 1 FROM s WHERE n < {count - 1}) SELECT n FROM s"
    )
    for kind, cap in (("wallet", "NULL"), ("quota", "1000000000")):
        await db.execute(
            "INSERT INTO buckets (ref, kind, cap, remaining, created_at) "
            f"SELECT '{kind}:cold:' || n, '{kind}', {cap}, 1000000000, 0 FROM ({numbers}) AS s ORDER BY n"
        )
    await db.execute(
        "INSERT INTO ledger (bucket_id, kind, amount, reference, at) "
        "SELECT id, 'topup', remaining, ref, 0 FROM buckets WHERE ref LIKE 'wallet:cold:%' ORDER BY id"
    )
    if db.dialect == "postgresql":
        await db.execute("ANALYZE")
    found = dict(await db.fetch("SELECT ref, id FROM buckets WHERE ref IN ('wallet:cold:0', 'quota:cold:0')"))
    return found["wallet:cold:0"], found["quota:cold:0"]


async def cold(db: Database, slow: Database, count: int, folder: Path) -> int:
    """One call each for `count` keys; gives how many there were before the time was over."""
    started = time.perf_counter()
    wallet, quota = await fill(slow, count)
    print(f"  {count:,} keys loaded in {time.perf_counter() - started:.0f} s", flush=True)
    desk = await Buckets.open(db, folder, SystemClock(), Options())
    seen = Watch(slow, desk, count)
    before, numbers = seen.resident, iter(range(count))
    ends = time.perf_counter() + COLD_SECONDS

    async def caller() -> None:
        for number in numbers:
            held = await _patiently(desk, [(wallet + number, 2000), (quota + number, 2000)], seen)
            held.settle(1000, facts(10**8 + number, key_id=10 + number))
            seen.done += 1
            if time.perf_counter() > ends:
                return

    async with asyncio.TaskGroup() as tasks:
        looking = [tasks.create_task(seen.look()), tasks.create_task(seen.pulse())]
        watch, rounds = Stopwatch(), desk.figures.rounds
        with watch.over(1):
            async with asyncio.TaskGroup() as calls:
                for _ in range(CALLERS):
                    calls.create_task(caller())
            while desk.lag:
                await asyncio.sleep(0.01)
        for task in looking:
            task.cancel()
    figures, memory = desk.figures, max([*seen.memory, before]) - before
    watch.share(seen.done).row(f"cold: lease, hold, settle, flush ({seen.done:,} calls)")
    print(
        f"  {figures.rounds - rounds:,} rounds; a flush {figures.flush_seconds / max(sum(figures.flushes), 1) * 1000:.1f} ms; "
        f"at most {seen.accounts:,} accounts in memory, {seen.leases:,} leases, {memory:.0f} MB more "
        f"than before, {seen.resident - before:.0f} MB at the end; loop away at most {seen.slowest:.0f} ms; "
        f"{seen.refused} refused for a slow database"
    )
    left = len(desk.flusher.accounts)
    with watch.over(max(left, 1)):
        await desk.close()
    watch.row(f"giving {left:,} accounts back at the end")
    return seen.done


async def _patiently(desk: Buckets, wants: list[tuple[int, int]], seen: Watch) -> Held:
    """A call that waited longer than a call waits is counted, and asks again."""
    while True:
        try:
            return await desk.hold(wants)
        except RefusedError:
            seen.refused += 1


async def run(name: str, url: str, counts: tuple[int, int]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="entrepot-bench-"))
    # A worker's connections, and those of work on whole tables.
    db, slow = await open_database(url), await open_database(url, slow=True)
    print(f"{name}: µs a call{'':<32}{'wall':>9}{'loop':>9}{'process':>9}")
    try:
        await journal_alone(counts[0], folder / "alone")
        # Room for a portion's records at once: the loop is not left between holds here. Flushed when told, in this task.
        desk = await Buckets.open(db, folder, SystemClock(), Options(segment_size=PORTION * 20_000, background=False))
        await warm(db, counts[0], desk)
        await desk.close()
        done = await cold(db, slow, counts[1], folder)
        started = time.perf_counter()
        report = await verify(slow)
        ((leases,),) = await db.fetch("SELECT count(*) FROM leases")
        print(
            f"  every sum holds: {report.ok} ({time.perf_counter() - started:.0f} s); charged {report.charged:,} nano-USD "
            f"in {counts[0] + done:,} calls; {leases} leases left"
        )
    finally:
        await db.close()
        await slow.close()
        shutil.rmtree(folder)


def main() -> None:
    """Both databases, one after the other, or the one that is named."""
    numbers = [int(word.replace("_", "")) for word in sys.argv[1:] if word[0].isdigit()]
    named = [word for word in sys.argv[1:] if not word[0].isdigit()] or ["sqlite", "postgresql"]
    counts = (numbers[0] if numbers else 10_000, numbers[1] if len(numbers) > 1 else 10_000)
    if "sqlite" in named:
        with tempfile.TemporaryDirectory(prefix="entrepot-bench-") as folder:
            url = f"sqlite:///{folder}/bench.db"
            migrate(url)
            asyncio.run(run("SQLite", url, counts))
    if "postgresql" in named:
        # As an operator would have it, but for fsync: the disk is not what is measured.
        server = PostgresServer(autovacuum="on", shared_buffers="512MB", max_wal_size="4GB")
        try:
            migrate(server.url())
            asyncio.run(run("PostgreSQL", server.url(), counts))
        finally:
            server.remove()


if __name__ == "__main__":
    main()
