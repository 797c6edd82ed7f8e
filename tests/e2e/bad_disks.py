"""Bad days of the disk, on a whole server with SQLite: power that goes, journals that are torn or poisoned, no space left."""

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from entrepot.buckets.journal import Journal, dead_folders
from entrepot.buckets.record import Settle, decode, encode
from entrepot.buckets.segment import HEADER_SIZE, Entry, entries, frame
from tests.e2e.money import Book, Load, Tell, compare, customers, flushed, kill_all, metric, sound, tables, until, whole
from tests.installation import Installation, serve

WHO = customers("ada", "bob", "cleo", "dan")


@dataclass
class Damage:
    """What was done to the journals of a dead server."""

    lost: set[str]
    """Requests whose record was destroyed."""
    poisoned: int
    """Records that the database must refuse."""


async def power_loss(folder: Path, tell: Tell) -> None:
    """All processes die at once, with charges that were not stored; then the disk's last bytes are not what was written."""
    data = folder / "data"
    config = folder / "money.toml"
    config.write_text(tables(WHO))
    book = Book()
    with serve(data, "--config", str(config), "--workers", "2") as made:
        async with Load([made.base], WHO, book, clients=12, keep_alive=False) as load:
            await asyncio.sleep(1)
            blocker = sqlite3.connect(data / "entrepot.db", isolation_level=None)
            blocker.execute("BEGIN IMMEDIATE")  # nobody else writes: charges wait in the journals
            journals = dead_folders(data / "journals")  # they are alive
            await until(
                lambda: all(len(waiting(data, each)) >= 5 for each in journals), 60, "both workers have charges that wait"
            )
            load.stop()
            kill_all(made)
    damage = spoil(data, *journals)
    blocker.execute("ROLLBACK")
    blocker.close()
    with serve(data, "--workers", "3") as again:
        await flushed(again)
        await _check_the_heirs(again, data, damage)
        async with httpx.AsyncClient(timeout=30) as client:
            assert (await whole(client, again.base, WHO[0], book))[0] == 200
        await flushed(again)
        with pytest.raises(AssertionError, match="parked"):
            again.run("ledger", "verify")
    for request in damage.lost:
        book.finished.pop(request, None)
    wrong, report = await compare(f"sqlite:///{data / 'entrepot.db'}", book, killed=True)
    tell(f"power loss: {len(book.finished)} answers, {len(damage.lost)} records destroyed, {damage.poisoned} parked")
    assert not wrong, wrong[:20]
    assert len(report.findings) == damage.poisoned
    assert all("parked" in finding for finding in report.findings), report.findings


async def _check_the_heirs(again: Installation, data: Path, damage: Damage) -> None:
    """Three workers came at once: each dead journal was applied by one of them, and each has one of its own."""
    with pytest.raises(AssertionError, match="another"), serve(data):
        pass
    alive = dead_folders(data / "journals")
    assert len(alive) == 3
    assert [Journal.adopt(each) for each in alive] == [None] * 3, "a journal has one owner"
    recovered = {kind: metric(again, "entrepot_money_recoveries_total", kind=kind) for kind in ("replayed", "orphaned")}
    assert recovered == {"replayed": 2, "orphaned": 0}, recovered
    assert metric(again, "entrepot_journal_rejects_total") == damage.poisoned


def spoil(data: Path, poison: Path, cut: Path) -> Damage:
    """One journal gets a poisoned record and half of one that was being written, the other loses the end of its last charge."""
    ends = waiting(data, poison)
    end = read(poison)[-1].end
    twice = frame(encode(ends[-1][1]), end)
    write(poison, end, twice + frame(b"\x93 being written", end + len(twice))[:-4])
    last, destroyed = waiting(data, cut)[-1]
    write(cut, last.end - 7, bytes(read(cut)[-1].end - last.end + 7))
    return Damage({destroyed.line.id}, poisoned=1)


def waiting(data: Path, folder: Path) -> list[tuple[Entry, Settle]]:
    """Charges in a journal that are not in the database."""
    with contextlib.closing(sqlite3.connect(data / "entrepot.db")) as database:
        (applied,) = database.execute("SELECT applied FROM journals WHERE id = ?", (folder.name,)).fetchone()
    found = [(entry, decode(entry.payload)) for entry in read(folder) if entry.start >= applied]
    return [(entry, record) for entry, record in found if isinstance(record, Settle)]


def read(folder: Path) -> list[Entry]:
    """The records of a journal's last segment, alive or dead."""
    path = max(folder.glob("*.seg"))
    return list(entries(path.read_bytes()[HEADER_SIZE:], int(path.stem)))


def write(folder: Path, position: int, data: bytes) -> None:
    """Over what the last segment says there."""
    path = max(folder.glob("*.seg"))
    with path.open("r+b") as file:
        file.seek(HEADER_SIZE + position - int(path.stem))
        file.write(data)


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own. Skips the test where nobody may mount one."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("a small file system needs the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def disk_full(folder: Path, tell: Tell) -> None:
    """What was admitted ends and is charged, what comes is refused; with room again, all goes on."""
    config = folder / "money.toml"
    async with waiting_vendor() as (port, go_on):
        config.write_text(tables(WHO) + CHANNEL.format(port=port))
        with small_disk(folder / "small", "200m") as disk, serve(disk / "data", "--config", str(config)) as made:
            book = await _on_a_full_disk(made, disk, go_on, tell)
            await sound(f"sqlite:///{disk / 'data' / 'entrepot.db'}", book, made)


CHANNEL = """
[[channel]]
name = "waiting"
provider = "openai"
base_url = "http://127.0.0.1:{port}/v1"
keys = ["sk-vendor"]
models = ["waiting"]
[[model]]
name = "waiting"
price.input = "1"
price.output = "2"
"""


@contextlib.asynccontextmanager
async def waiting_vendor() -> AsyncIterator[tuple[int, asyncio.Event]]:
    """A vendor that answers when it is told to. Its port."""
    go_on = asyncio.Event()
    message = {"role": "assistant", "content": "at last"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    answer = json.dumps({"id": "x", "object": "chat.completion", "model": "waiting", "choices": choices, "usage": usage})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(answer)}\r\n\r\n"

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}]}")
        await go_on.wait()
        writer.write((head + answer).encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], go_on


async def _on_a_full_disk(made: Installation, disk: Path, go_on: asyncio.Event, tell: Tell) -> Book:
    book = Book()
    async with httpx.AsyncClient(timeout=60) as slow:
        running = asyncio.gather(*(whole(slow, made.base, who, book, "waiting") for who in WHO * 5))
        await until(lambda: metric(made, "entrepot_money_holds") == 20, 20, "the calls run")
        fill(disk)
        eaten = await eat(made, book)
        async with Load([made.base], WHO, book, clients=4) as load:
            await asyncio.sleep(3)
            refused = load.page()
            assert set(refused) == {(503, "billing_unavailable")}, refused
            go_on.set()
            ends = Counter(await running)
            assert ends == {(200, ""): 20}, ends
            (disk / "filler").unlink()
            freed, again = time.monotonic(), 0
            while again < 20:
                assert time.monotonic() < freed + 30
                await asyncio.sleep(0.1)
                again += load.page()[200, ""]
    tell(
        f"disk full: {eaten} records fitted; 20 calls ended and {refused[503, 'billing_unavailable']} were refused; "
        f"20 answers {time.monotonic() - freed:.1f} s after there was space"
    )
    return book


def fill(folder: Path) -> None:
    """To the last byte."""
    with contextlib.suppress(OSError), (folder / "filler").open("ab", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(bytes(size))


async def eat(made: Installation, book: Book) -> int:
    """Fill the journal with usage rows of refused calls, until a call that should be paid finds no room. How many it took."""
    ask = {"model": "\U0001f980" * 256, "messages": []}  # nobody serves it; as long as a name may be
    body = json.dumps(ask, ensure_ascii=False).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {made.key}\r\n"
    head += f"x-request-id: {'x' * 128}\r\ncontent-length: {len(body)}\r\n\r\n"
    enough = asyncio.Event()
    eaters = [asyncio.ensure_future(_eat(made.port, head.encode() + body, enough)) for _ in range(4)]
    async with httpx.AsyncClient(timeout=30) as client:
        while (await whole(client, made.base, WHO[0], book))[0] == 200:
            assert not any(eater.done() for eater in eaters), "an eater has died"
            await asyncio.sleep(0.1)
    enough.set()
    return sum(await asyncio.gather(*eaters))


async def _eat(port: int, request: bytes, enough: asyncio.Event) -> int:
    """Eight calls at once, one behind the other on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while not enough.is_set():
        writer.write(request * 8)
        for _ in range(8):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404"), head
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]))
            count += 1
    writer.close()
    return count
