"""What tests of money on whole servers share: customers, load, the clients' own account, and its comparison with ours."""

import asyncio
import json
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Self, TypeAlias

import httpx
import psutil

from entrepot.buckets.verify import Report, verify
from entrepot.store.raw import open_database
from tests.installation import Installation

PRICES = """
[[model]]
name = "sandbox/*"
price.input = "1"
price.output = "2"
"""
WORKER = "entrepot.compose.gateway"
Tell: TypeAlias = Callable[[str], None]
"""Where a scenario says what it saw."""


class Customer(NamedTuple):
    """A user with a wallet and a key."""

    name: str
    secret: str

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}


def customers(*names: str) -> list[Customer]:
    return [Customer(name, f"sk-{name}-app-key") for name in names]


def tables(who: Iterable[Customer], *, balance: str = "1000", quota: str = "900", prices: str = PRICES) -> str:
    """The tables of entrepot.toml: prices, and a wallet and a key with a quota for each."""
    rows = [
        f'[[user]]\nname = "{name}"\nbalance = "{balance}"\n'
        f'[[key]]\nname = "{name}-app"\nuser = "{name}"\nsecret = "{secret}"\nquota = "{quota}"\n'
        for name, secret in who
    ]
    return prices + "".join(rows)


@dataclass
class Book:
    """What the clients know. Amounts in nano-USD."""

    finished: dict[str, int] = field(default_factory=dict)
    """By request id, what each answer costs that came to its end."""
    owners: dict[str, Customer] = field(default_factory=dict)
    unfinished: set[str] = field(default_factory=set)
    """Answers that began and were ended by the server: it may charge what it delivered."""
    broken: int = 0
    """Connections that broke."""
    tariff: int = 1
    """What all costs now, in multiples of PRICES."""

    def due(self, who: Customer) -> int:
        return sum(nano for request, nano in self.finished.items() if self.owners[request] == who)


def price(usage: dict[str, int]) -> int:
    """By hand: 1 USD per 1 M tokens in, 2 out."""
    return usage["prompt_tokens"] * 1_000 + usage["completion_tokens"] * 2_000


async def whole(
    client: httpx.AsyncClient, base: str, who: Customer, book: Book, model: str = "sandbox/echo"
) -> tuple[int, str]:
    """One whole answer: its status, and what the error is called."""
    ask, tariff = {"model": model, "messages": [{"role": "user", "content": "Tell me"}]}, book.tariff
    answer = await client.post(base + "/v1/chat/completions", json=ask, headers=who.headers)
    if answer.status_code != 200:
        return answer.status_code, answer.json()["error"]["code"]
    request = answer.headers["x-request-id"]
    book.finished[request], book.owners[request] = tariff * price(answer.json()["usage"]), who
    return 200, ""


async def stream(client: httpx.AsyncClient, base: str, who: Customer, book: Book, model: str) -> tuple[int, str]:
    """One stream, read to its end; an error at its end counts by its name."""
    ask = {"model": model, "messages": [{"role": "user", "content": "Tell me"}], "stream": True}
    ask["stream_options"], tariff = {"include_usage": True}, book.tariff
    async with client.stream("POST", base + "/v1/chat/completions", json=ask, headers=who.headers) as answer:
        if answer.status_code != 200:
            return answer.status_code, json.loads(await answer.aread())["error"]["code"]
        request = answer.headers["x-request-id"]
        book.owners[request] = who
        book.unfinished.add(request)
        usage, done, error = None, False, ""
        async for line in answer.aiter_lines():
            done = done or line == "data: [DONE]"
            if line.startswith("data: {"):
                chunk = json.loads(line[6:])
                usage = chunk.get("usage") or usage
                error = chunk["error"]["code"] if "error" in chunk else error
        if done and usage and not error:
            book.finished[request] = tariff * price(usage)
            book.unfinished.discard(request)
            return 200, ""
        return 200, error or "unfinished"


class Load:
    """Clients that call all the time, one call after the other, until the end of `async with`."""

    def __init__(
        self,
        bases: Sequence[str],
        who: Sequence[Customer],
        book: Book,
        *,
        clients: int = 8,
        pause: float = 0.02,
        keep_alive: bool = True,
    ) -> None:
        """Without `keep_alive` each call has a connection of its own: all workers get some."""
        self.book = book
        self._bases = bases
        self._who = who
        self._clients = clients
        self._pause = pause
        self._limits = httpx.Limits(max_keepalive_connections=None if keep_alive else 0)
        self._page: Counter[tuple[int, str]] = Counter()
        self._stop, self.may_begin = asyncio.Event(), asyncio.Event()
        self.may_begin.set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.ensure_future(self._run(number)) for number in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        self.may_begin.set()
        await asyncio.gather(*self._tasks)

    def stop(self) -> None:
        """No call begins after this."""
        self._stop.set()

    def page(self) -> Counter[tuple[int, str]]:
        """What came back since the last page: (status, error) → how often."""
        page, self._page = self._page, Counter()
        return page

    async def _run(self, number: int) -> None:
        """Every third client streams for seconds, every third for a moment."""
        turn = number
        while not self._stop.is_set():
            async with httpx.AsyncClient(timeout=60, limits=self._limits) as client:
                try:
                    while not self._stop.is_set():
                        await self.may_begin.wait()
                        turn += 1
                        who, base = self._who[turn % len(self._who)], self._bases[turn % len(self._bases)]
                        self._page[await self._call(client, base, who, number % 3)] += 1
                        await asyncio.sleep(self._pause)
                except (httpx.HTTPError, ValueError):
                    self.book.broken += 1
                    self._page[0, "broken"] += 1
                    await asyncio.sleep(0.05)

    async def _call(self, client: httpx.AsyncClient, base: str, who: Customer, kind: int) -> tuple[int, str]:
        if kind == 0:
            return await whole(client, base, who, self.book)
        model = "sandbox/story:60@30" if kind == 1 else "sandbox/story:60@400"
        return await stream(client, base, who, self.book, model)


async def compare(url: str, book: Book, *, killed: bool = False) -> tuple[list[str], Report]:
    """Everything that does not fit between the clients' account and the database, in words; empty is right.

    With `killed`, the server may have finished and charged answers that broke on their way.
    """
    database = await open_database(url)
    try:
        rows = await database.fetch("SELECT id, charge + shortfall, outcome FROM usage WHERE journal IS NOT NULL")
        found = {row[0]: row[1:] for row in rows}
        wrong = [f"{key}: no row" for key in book.finished if key not in found]
        wrong += [
            f"{key}: paid {found[key][0]}, should be {due} ({found[key][1]})"
            for key, due in book.finished.items()
            if key in found and found[key][0] != due
        ]
        excused = ("interrupted", "client_left", "ok") if killed else ()
        wrong += [
            f"{key}: charged {charge} and {outcome}, but the client has no answer"
            for key, (charge, outcome) in found.items()
            if charge and key not in book.finished and key not in book.unfinished and outcome not in excused
        ]
        return wrong, await verify(database)
    finally:
        await database.close()


async def receipts(base: str, book: Book, count: int = 10) -> None:
    """A few receipts say what the clients know."""
    async with httpx.AsyncClient(base_url=base, timeout=30) as client:
        for request in list(book.finished)[:: max(len(book.finished) // count, 1)]:
            answer = await client.get(f"/v1/receipts/{request}", headers=book.owners[request].headers)
            assert answer.status_code == 200, (request, answer.text)
            paid = Decimal(answer.json()["charge"]) + Decimal(answer.json().get("shortfall", "0"))
            assert paid * 10**9 == book.finished[request], answer.text


def metric(made: Installation, name: str, **labels: str) -> float:
    """The sum of a metric over the labels that are not named."""
    text = httpx.get(made.base + "/metrics", timeout=30).text
    found = re.findall(rf"^{name}({{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    return sum(float(value) for shown, value in found if all(f'{key}="{word}"' in shown for key, word in labels.items()))


async def until(condition: Callable[[], bool], seconds: float = 30.0, what: str = "") -> None:
    """Ask again and again, in a thread."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, f"it did not happen in {seconds} s: {what}"
        await asyncio.sleep(0.1)


async def flushed(*nodes: Installation) -> None:
    """Nothing waits in a journal, and no call holds money."""
    # Workers publish once a second: what is read sooner may be older than the load's end.
    await asyncio.sleep(2.5)
    for made in nodes:
        await until(lambda made=made: metric(made, "entrepot_money_holds") == 0, 60, "holds end")
        await until(lambda made=made: metric(made, "entrepot_journal_lag_bytes") == 0, 60, "the journal is flushed")


async def sound(url: str, book: Book, *nodes: Installation) -> None:
    """All is flushed, nothing is lost and nothing charged twice; receipts and `ledger verify` say so too."""
    await flushed(*nodes)
    wrong, report = await compare(url, book)
    assert not wrong, wrong[:20]
    assert report.ok, report.findings
    assert book.broken == 0
    await receipts(nodes[0].base, book)
    await asyncio.to_thread(nodes[0].run, "ledger", "verify")


def workers(made: Installation) -> list[psutil.Process]:
    """The gateway workers that run now."""
    found = []
    for child in psutil.Process(made.process.pid).children():
        try:
            if WORKER in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def kill_all(made: Installation) -> None:
    """kill -9 for every process at once, as when the machine's power goes, but for the page cache."""
    supervisor = psutil.Process(made.process.pid)
    supervisor.send_signal(signal.SIGSTOP)  # it starts nobody again
    children = supervisor.children(recursive=True)
    for process in (*children, supervisor):
        process.kill()
    psutil.wait_procs(children, timeout=10)
    made.process.wait(10)
