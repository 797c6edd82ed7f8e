"""Kill -9 under load, again and again, while clients keep their own account; then both books are compared."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import httpx

from entrepot.buckets.verify import Report
from tests.e2e.money import Book, Load, compare, customers, tables, workers
from tests.installation import Installation, serve

CLIENTS = 12


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
    dice = random.Random()
    async with Load([made.base], customers("ada"), Book(), clients=CLIENTS, pause=0) as load:
        for number in range(rounds):
            await until_ready(made)
            await asyncio.sleep(dice.uniform(0.0, 0.6))
            for worker in workers(made):
                worker.kill()
            if number % 50 == 49:
                tell(f"{number + 1} kills, {len(load.book.finished)} answers, {load.book.broken} broken")
        await until_ready(made)  # the last journal is replayed by the worker that comes after it
    return load.book


def run(data: Path, rounds: int, tell: Callable[[str], None]) -> tuple[Book, list[str], Report]:
    """Serve, kill, stop in order, compare."""
    config = data.parent / "money.toml"
    config.write_text(tables(customers("ada")))
    with serve(data, "--config", str(config)) as made:
        book = asyncio.run(kill_again_and_again(made, rounds, tell))
    wrong, report = asyncio.run(compare(f"sqlite:///{data / 'entrepot.db'}", book, killed=True))
    return book, wrong, report
