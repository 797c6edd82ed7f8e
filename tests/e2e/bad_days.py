"""Bad days of money on whole servers: each happens under load, and in the end the clients' account and ours agree.

Each takes as long as it is told: a few seconds in the tests, a minute and more in `make soak`.
"""

import asyncio
import base64
import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.databases import PostgresServer
from tests.e2e.line import Line, line_to
from tests.e2e.money import Book, Customer, Load, compare, customers, flushed, receipts, tables, whole
from tests.installation import Installation, serve

WARM = customers("ada", "bob", "cleo", "dan")
KNOWN = customers(*(f"known-{n}" for n in range(8)))
"""Their keys have been seen, their wallets not."""
NEW = customers(*(f"new-{n}" for n in range(8)))
"""Nobody has seen their keys."""
NOBODY = Customer("nobody", "sk-nobody-has-this-key")


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


@contextlib.contextmanager
def two_nodes(folder: Path, *more: Customer) -> Iterator[Nodes]:
    """Start all, with wallets for everybody."""
    config = folder / "money.toml"
    config.write_text(tables([*WARM, *KNOWN, *NEW, *more]))
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


async def sound(url: str, load: Load, *nodes: Installation) -> None:
    """All is flushed, nothing is lost and nothing charged twice; receipts and `ledger verify` say so too."""
    await flushed(*nodes)
    wrong, report = await compare(url, load.book)
    assert wrong == [], wrong
    assert report.ok, report.findings
    assert load.book.broken == 0
    await receipts(nodes[0].base, load.book)
    await asyncio.to_thread(nodes[0].run, "ledger", "verify")


async def database_away(nodes: Nodes, way: str, seconds: float, tell: Callable[[str], None]) -> None:
    """Warm accounts go on, cold ones get 503 and never 401, and after its return everything is charged."""
    leave, come_back = _ways(nodes)[way]
    async with httpx.AsyncClient(timeout=60) as client:
        for who in KNOWN:
            for base in nodes.bases:
                assert (await client.get(base + "/v1/models", headers=who.headers)).status_code == 200
        async with Load(nodes.bases, WARM, nodes.book) as load:
            await asyncio.sleep(2)
            assert set(load.page()) == {(200, "")}
            await asyncio.to_thread(leave)
            away = time.monotonic()
            cold = {}
            while time.monotonic() < away + seconds:
                for kind, who in (("known", KNOWN), ("new", NEW), ("nobody", [NOBODY])):
                    began = time.monotonic()
                    got = await whole(client, nodes.bases[0], who[len(cold) % len(who)], load.book)
                    cold[kind, got] = max(cold.get((kind, got), 0), time.monotonic() - began)
                await asyncio.sleep(0.2)
            tell(f"{way}: {dict(load.page())}, cold {cold}")
            await asyncio.to_thread(come_back)
            await asyncio.sleep(1)
            tell(f"{way}: back {dict(load.page())}")
        await sound(nodes.url, load, nodes.one, nodes.two)


def _ways(nodes: Nodes) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    line, server = nodes.line, nodes.database

    def to(mode):
        return lambda: line.set(mode)

    return {
        "cut": (to("cut"), to("open")),
        "silent": (to("silent"), to("open")),
        "deaf": (to("deaf"), to("open")),
        "killed": (lambda: server.stop("immediate"), server.start),
        "frozen": (server.freeze, server.thaw),
    }
