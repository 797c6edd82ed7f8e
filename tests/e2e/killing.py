"""Kill -9 under load, again and again, while a client keeps its own account; then both books are compared.

Run alone for a soak: `python -m tests.e2e.killing ROUNDS`.
"""

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from entrepot.buckets.verify import Report, verify
from entrepot.store.raw import open_database
from tests.installation import Installation, serve

CONFIG = """
[[model]]
name = "sandbox/*"
price.input = "1"
price.output = "2"
[[user]]
name = "ada"
balance = "1000"
[[key]]
name = "app"
user = "ada"
secret = "sk-ada-app-key"
quota = "900"
"""
CLIENTS = 12


@dataclass
class Book:
    """What the client knows: nano-USD of each answer that it has to its end."""

    finished: dict[str, int] = field(default_factory=dict)
    broken: int = 0


def price(usage: dict[str, int]) -> int:
    """By hand: 1 USD per 1 M tokens in, 2 out."""
    return usage["prompt_tokens"] * 1_000 + usage["completion_tokens"] * 2_000


async def one_call(client: httpx.AsyncClient, book: Book, stream: bool) -> None:
    ask = {"messages": [{"role": "user", "content": "Tell me"}], "max_tokens": 500}
    if not stream:
        answer = await client.post("/v1/chat/completions", json=ask | {"model": "sandbox/echo"})
        if answer.status_code == 200:
            book.finished[answer.headers["x-request-id"]] = price(answer.json()["usage"])
        return
    ask |= {"model": "sandbox/story:60@400", "stream": True, "stream_options": {"include_usage": True}}
    async with client.stream("POST", "/v1/chat/completions", json=ask) as answer:
        usage, done = None, False
        async for line in answer.aiter_lines():
            done = done or line == "data: [DONE]"
            if line.startswith("data: {"):
                usage = json.loads(line[6:]).get("usage") or usage
        if done and usage and answer.status_code == 200:
            book.finished[answer.headers["x-request-id"]] = price(usage)


async def load(made: Installation, book: Book, stop: asyncio.Event) -> None:
    """One client after another call, until told to stop."""
    dice = random.Random()
    headers = {"authorization": "Bearer sk-ada-app-key"}
    while not stop.is_set():
        try:
            async with httpx.AsyncClient(base_url=made.base, headers=headers, timeout=20) as client:
                while not stop.is_set():
                    await one_call(client, book, stream=dice.random() < 0.5)
        except (httpx.HTTPError, ValueError):
            book.broken += 1
            await asyncio.sleep(0.05)


def workers(made: Installation) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(made.process.pid).children():
        try:
            if "entrepot.compose.gateway" in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


async def until_ready(made: Installation) -> None:
    """A worker that was started after the last kill takes calls."""
    async with asyncio.timeout(60), httpx.AsyncClient(base_url=made.base) as client:
        while True:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                await asyncio.sleep(0.02)


async def kill_again_and_again(made: Installation, rounds: int, tell: Callable[[str], None]) -> Book:
    """`rounds` kills at random moments, under load all the time."""
    book, stop, dice = Book(), asyncio.Event(), random.Random()
    clients = [asyncio.ensure_future(load(made, book, stop)) for _ in range(CLIENTS)]
    for number in range(rounds):
        await until_ready(made)
        await asyncio.sleep(dice.uniform(0.0, 0.6))
        for worker in workers(made):
            worker.kill()
        if number % 50 == 49:
            tell(f"{number + 1} kills, {len(book.finished)} answers, {book.broken} broken")
    await until_ready(made)  # the last journal is replayed by the worker that comes after it
    stop.set()
    await asyncio.gather(*clients)
    return book


async def compare(data: Path, book: Book) -> tuple[list[str], Report]:
    """Everything that does not fit, in words; empty is right."""
    with sqlite3.connect(data / "entrepot.db") as connection:
        found = {row[0]: row[1:] for row in connection.execute("SELECT id, charge + shortfall, outcome FROM usage")}
    wrong = [f"{key}: no row" for key in book.finished if key not in found]
    wrong += [
        f"{key}: paid {found[key][0]}, should be {due} ({found[key][1]})"
        for key, due in book.finished.items()
        if key in found and found[key][0] != due
    ]
    wrong += [
        f"{key}: charged {charge} and {outcome}, but the client has no answer"
        for key, (charge, outcome) in found.items()
        if charge and key not in book.finished and outcome not in ("interrupted", "client_left", "ok")
    ]
    database = await open_database(f"sqlite:///{data / 'entrepot.db'}")
    try:
        return wrong, await verify(database)
    finally:
        await database.close()


def run(data: Path, rounds: int, tell: Callable[[str], None]) -> tuple[Book, list[str], Report]:
    """Serve, kill, stop in order, compare."""
    config = data.parent / "money.toml"
    config.write_text(CONFIG)
    with serve(data, "--config", str(config)) as made:
        book = asyncio.run(kill_again_and_again(made, rounds, tell))
    wrong, report = asyncio.run(compare(data, book))
    return book, wrong, report


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as folder:
        book, wrong, report = run(Path(folder) / "data", rounds, lambda text: sys.stdout.write(text + "\n"))
    sys.stdout.write(f"{rounds} kills: {len(book.finished)} finished answers, {book.broken} broken connections\n")
    sys.stdout.write("\n".join(wrong[:20]) + ("\n" if wrong else ""))
    sys.stdout.write(f"each finished answer charged once and right: {not wrong}; ledger verifies: {report.ok}\n")
    return 0 if not wrong and report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
