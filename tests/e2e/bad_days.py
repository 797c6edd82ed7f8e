"""Bad days of the database and of a worker, on two whole nodes under load; in the end the clients' account and ours agree.

Each takes as long as it is told: seconds in the tests, minutes in `make soak`.
"""

import asyncio
import base64
import contextlib
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from entrepot.buckets import replay
from entrepot.buckets.journal import dead_folders
from entrepot.store.raw import open_database
from tests.databases import PostgresServer
from tests.e2e.line import Line, line_to
from tests.e2e.money import (
    Book,
    Customer,
    Load,
    Tell,
    customers,
    metric,
    sound,
    stream,
    tables,
    until,
    whole,
    workers,
)
from tests.installation import Installation, serve

WAYS = ("cut", "silent", "deaf", "killed", "frozen")
"""How a database goes away."""
WARM = customers("ada", "bob", "cleo", "dan")
KNOWN = {way: customers(*(f"known-{way}-{n}" for n in range(4))) for way in WAYS}
"""Their keys have been seen before it goes, their wallets not."""
NEW = {way: customers(*(f"new-{way}-{n}" for n in range(4))) for way in WAYS}
"""Nobody has seen their keys."""
POOR = Customer("eve", "sk-eve-app-key")


@dataclass
class Nodes:
    """Two nodes of one worker each, on one PostgreSQL at the end of a line."""

    database: PostgresServer
    line: Line
    one: Installation
    two: Installation
    book: Book = field(default_factory=Book)

    @property
    def bases(self) -> list[str]:
        return [self.one.base, self.two.base]

    @property
    def url(self) -> str:
        """The database's own address."""
        return self.database.url("entrepot")

    async def sound(self) -> None:
        await sound(self.url, self.book, self.one, self.two)


@contextlib.contextmanager
def two_nodes(folder: Path) -> Iterator[Nodes]:
    """Start all, with a wallet for everybody."""
    config = folder / "money.toml"
    rich = [*WARM, *itertools.chain(*KNOWN.values(), *NEW.values())]
    config.write_text(tables(rich) + tables([POOR], balance="0.3", prices=""))
    database = PostgresServer()
    try:
        database.sql("CREATE DATABASE entrepot")
        with line_to(database.port) as line:
            environment = {
                "ENTREPOT_DATABASE_URL": f"postgresql://postgres@127.0.0.1:{line.port}/entrepot",
                "ENTREPOT_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
            }
            with (
                serve(folder / "one", "--config", str(config), environment=environment) as one,
                serve(folder / "two", environment=environment) as two,
            ):
                yield Nodes(database, line, one, two)
    finally:
        database.remove()


def doors(nodes: Nodes, name: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """How the database goes, and how it comes back."""
    if name == "killed":
        return partial(nodes.database.stop, "immediate"), nodes.database.start
    if name == "frozen":
        return nodes.database.freeze, nodes.database.thaw
    return partial(nodes.line.set, name), partial(nodes.line.set, "open")


async def database_away(nodes: Nodes, ways: Sequence[tuple[str, float]], tell: Tell) -> None:
    """Warm accounts go on, cold ones get 503 and never 401; after its return all is charged, and all get answers again."""
    async with httpx.AsyncClient(timeout=60) as client, Load(nodes.bases, WARM, nodes.book) as load:
        for name, seconds in ways:
            for base, who in itertools.product(nodes.bases, KNOWN[name]):
                assert (await client.get(base + "/v1/models", headers=who.headers)).status_code == 200
            leave, come_back = doors(nodes, name)
            await asyncio.sleep(max(seconds / 3, 1))
            warm = load.page()
            assert set(warm) == {(200, "")}, warm
            await asyncio.to_thread(leave)
            cold, longest = await _ask_while_away(nodes, client, name, seconds)
            away = load.page()
            await asyncio.to_thread(come_back)
            tell(
                f"database {name} for {seconds:.0f} s: warm {_said(away)}; cold {_said(cold)}, the longest wait {longest:.1f} s"
            )
            assert set(away) == {(200, "")}, away
            assert {status for status, _ in cold} == {503}, cold
            for who, due in ((KNOWN[name][0], 200), (NEW[name][0], 200), (_nobody(name), 401)):
                await _becomes(client, nodes.bases[0], who, due, nodes.book)
    await nodes.sound()


def _nobody(name: str) -> Customer:
    return Customer("nobody", f"sk-nobody-has-this-key-{name}")


async def _ask_while_away(
    nodes: Nodes, client: httpx.AsyncClient, name: str, seconds: float
) -> tuple[Counter[tuple[int, str]], float]:
    """What those get whom a node does not know, and how long the longest had to wait for it."""
    until_then, answers, longest, turn = time.monotonic() + seconds, Counter[tuple[int, str]](), 0.0, 0
    while time.monotonic() < until_then:
        turn += 1
        began = time.monotonic()
        asked = [(base, who[turn % len(who)]) for base in nodes.bases for who in (KNOWN[name], NEW[name], [_nobody(name)])]
        answers.update(await asyncio.gather(*(whole(client, base, who, nodes.book) for base, who in asked)))
        longest = max(longest, time.monotonic() - began)
        await asyncio.sleep(0.3)
    return answers, longest


async def _becomes(client: httpx.AsyncClient, base: str, who: Customer, status: int, book: Book) -> None:
    deadline = time.monotonic() + 20
    while (got := await whole(client, base, who, book))[0] != status:
        assert time.monotonic() < deadline, (who.name, got)
        assert got[0] == 503, (who.name, got)
        await asyncio.sleep(0.2)


def _said(page: Counter[tuple[int, str]]) -> str:
    return ", ".join(f"{count} x {status} {code}".rstrip() for (status, code), count in sorted(page.items()))


async def worker_paused(nodes: Nodes, seconds: float, tell: Tell, *, by_others: bool = False) -> None:
    """SIGSTOP in the midst of streams; retired meanwhile, its money spent elsewhere; it wakes and owes nothing twice.

    Its row is made old, so that nobody waits for 15 minutes. `by_others`: the other node finds it by itself.
    """
    (worker,) = workers(nodes.one)
    (journal,) = dead_folders(nodes.one.data / "journals")  # the folder; it is alive
    one, two = nodes.bases
    async with httpx.AsyncClient(timeout=None) as client:
        running = [asyncio.ensure_future(stream(client, one, POOR, nodes.book, "sandbox/story:150@30")) for _ in range(4)]
        await until(lambda: metric(nodes.one, "entrepot_money_holds") == 4, 20, "the streams run")
        await asyncio.sleep(1)
        worker.send_signal(signal.SIGSTOP)
        paused = time.monotonic()
        await _retire(nodes, journal.name, by_others=by_others)
        spent = 0
        while (await whole(client, two, POOR, nodes.book, "sandbox/story:5000@0"))[0] == 200:
            spent += 1
        await asyncio.sleep(max(paused + seconds - time.monotonic(), 0))
        worker.send_signal(signal.SIGCONT)
        awake, woken = time.monotonic(), Counter[tuple[int, str]]()
        while time.monotonic() < awake + 3:
            woken[await whole(client, one, POOR, nodes.book)] += 1
        ends = Counter(await asyncio.gather(*running))
    slept = awake - paused
    tell(f"worker paused for {slept:.0f} s: {spent} calls elsewhere; woken: {_said(woken)}; its streams: {_said(ends)}")
    assert woken[402, "insufficient_quota"] > 0, woken
    assert {status for status, _ in woken} <= {200, 402, 429, 503}, woken
    assert metric(nodes.one, "entrepot_money_recoveries_total", kind="reborn") == 1
    await nodes.sound()
    left = nodes.database.sql("SELECT remaining FROM buckets WHERE ref LIKE 'wallet:%' AND remaining < 0", "entrepot")
    assert left == "", "no balance below zero"


async def _retire(nodes: Nodes, journal: str, *, by_others: bool) -> None:
    mine = f"id = (SELECT incarnation_id FROM journals WHERE id = '{journal}')"
    nodes.database.sql(f"UPDATE incarnations SET seen_at = 0 WHERE {mine}", "entrepot")
    if not by_others:
        database = await open_database(nodes.url)
        try:
            assert await replay.retire_silent(database) == 1
        finally:
            await database.close()
    state = f"SELECT state FROM incarnations WHERE {mine}"
    await until(lambda: nodes.database.sql(state, "entrepot") == "retired", 90, "retired by the other node")
