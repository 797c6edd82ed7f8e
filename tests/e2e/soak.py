"""The long versions of the bad days, and a steady load: `make soak ARGS='--help'`."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e import killing
from tests.e2e.bad_days import WAYS, database_away, two_nodes, worker_paused
from tests.e2e.bad_disks import disk_full, power_loss
from tests.e2e.clocks import clock_jumps
from tests.e2e.steady import Plan, steady

EXAMPLES = """examples:
  make soak                                          a thousand kills of a worker under load
  make soak ARGS='kills 100'                         a hundred
  make soak ARGS='database'                          the database gone for a minute, in five ways
  make soak ARGS='database --way frozen --seconds 150'   longer than the fence
  make soak ARGS='paused'                            a worker stopped for three minutes, retired by the other node, woken
  make soak ARGS='power 20'                          twenty times all processes at once, journals torn and poisoned
  make soak ARGS='disk'                              the disk is full
  make soak ARGS='clock --seconds 30'                the clock jumps by hours, half a minute each
  make soak ARGS='steady --minutes 30'               70 % of what it can do: is memory flat, latency, every file and table?
  make soak ARGS='steady --minutes 30 --database postgresql --workers 2'
  make soak ARGS='all'                               everything above once (without steady: about twenty minutes)
"""
Job = Callable[[Path], None]


def tell(text: str) -> None:
    """To whoever waits."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(prog="make soak", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = made.add_subparsers(dest="kind", metavar="WHAT")
    kinds.add_parser("kills", help="kill -9 of a worker, again and again").add_argument(
        "rounds", type=int, nargs="?", default=1000
    )
    database = kinds.add_parser("database", help="the database goes away and comes back")
    database.add_argument("--seconds", type=float, default=60.0)
    database.add_argument("--way", choices=WAYS, action="append", help="again for more; default: all")
    kinds.add_parser("paused", help="SIGSTOP of a worker").add_argument("--seconds", type=float, default=180.0)
    kinds.add_parser("power", help="kill -9 of all, damaged journals").add_argument("rounds", type=int, nargs="?", default=10)
    kinds.add_parser("disk", help="no space left")
    kinds.add_parser("clock", help="the wall clock jumps").add_argument("--seconds", type=float, default=10.0)
    long = kinds.add_parser("steady", help="an even load; a table of first and last thirds")
    long.add_argument("--minutes", type=float, default=30.0)
    long.add_argument("--share", type=float, default=0.7, help="of what the installation can do (default 0.7)")
    long.add_argument("--workers", type=int, default=1)
    long.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    kinds.add_parser("all", help="each of the others once, but steady")
    return made


def jobs(asked: argparse.Namespace) -> list[Job]:
    """What to do, each in a folder of its own."""
    ways = [(way, getattr(asked, "seconds", 60.0)) for way in getattr(asked, "way", None) or WAYS]
    rounds = getattr(asked, "rounds", 3)
    known: dict[str, list[Job]] = {
        "kills": [lambda folder: kills(folder, getattr(asked, "rounds", 200))],
        "database": [lambda folder: on_nodes(folder, lambda nodes: database_away(nodes, ways, tell))],
        "paused": [
            lambda folder: on_nodes(
                folder, lambda nodes: worker_paused(nodes, getattr(asked, "seconds", 180.0), tell, by_others=True)
            )
        ],
        "power": [lambda folder: asyncio.run(power_loss(folder, tell))] * rounds,
        "disk": [lambda folder: asyncio.run(disk_full(folder, tell))],
        "clock": [lambda folder: asyncio.run(clock_jumps(folder, getattr(asked, "seconds", 10.0), tell))],
    }
    return [job for each in known.values() for job in each] if asked.kind == "all" else known[asked.kind]


def on_nodes(folder: Path, scenario: Callable[..., object]) -> None:
    """On two nodes with one PostgreSQL."""
    with two_nodes(folder) as nodes:
        asyncio.run(scenario(nodes))  # type: ignore[arg-type]


def kills(folder: Path, rounds: int) -> None:
    """A worker dies, again and again."""
    book, wrong, report = killing.run(folder / "data", rounds, tell)
    tell(f"{rounds} kills: {len(book.finished)} finished answers, {book.broken} broken connections")
    assert not wrong, "\n".join(wrong[:20])
    assert report.ok, report.findings


def main(arguments: Sequence[str]) -> int:
    """0 where all is right."""
    if not arguments or arguments[0].isdigit():
        arguments = ["kills", *arguments]
    asked = parser().parse_args(arguments)
    if asked.kind == "steady":
        plan = Plan(asked.minutes, asked.share, asked.workers, asked.database == "postgresql")
        return 0 if steady(plan, tell) else 1
    failed = 0
    for job in jobs(asked):
        with tempfile.TemporaryDirectory(prefix="entrepot-soak-") as folder:
            try:
                job(Path(folder))
            except AssertionError as error:
                failed += 1
                tell(f"FAILED: {error}")
            except pytest.skip.Exception as skipped:
                tell(f"skipped: {skipped}")
    tell("nothing lost, nothing double" if not failed else f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
