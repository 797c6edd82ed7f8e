"""Each worker's report in a file, written once a second: breakers are in its memory, and control is another process."""

import asyncio
import logging
from pathlib import Path

import msgspec

from entrepot.kit.clock import Clock
from entrepot.routing.board import Board
from entrepot.routing.report import ChannelReport, report

_log = logging.getLogger("entrepot.routing")

PERIOD = 1.0
FRESH = 10.0
"""Seconds after which a worker that has published nothing counts as gone."""


class Published(msgspec.Struct, frozen=True):
    """What one worker wrote."""

    worker: int
    written: float
    """Wall time in seconds."""
    channels: tuple[ChannelReport, ...]


async def publish_loop(folder: Path, worker: int, board: Board, clock: Clock) -> None:
    """Publish until cancelled. A disk that refuses is reported once."""
    refused = False
    while True:
        try:
            # In a thread: thousands of channels must not hold up running streams.
            await asyncio.to_thread(publish, folder, worker, board, clock)
            refused = False
        except OSError as error:
            if not refused:
                _log.warning("the state of channels cannot be published", extra={"error": str(error)})
            refused = True
        await asyncio.sleep(PERIOD)


def publish(folder: Path, worker: int, board: Board, clock: Clock) -> None:
    """Write this worker's report. Raises OSError."""
    data = msgspec.msgpack.encode(Published(worker, clock.wall(), tuple(report(board, clock))))
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"routing-{worker}.msgpack"
    scratch = file.with_suffix(".new")
    scratch.write_bytes(data)
    scratch.replace(file)


def read_published(folder: Path, now: float) -> list[Published]:
    """What the workers of this machine that live said last; `now` is wall time. Nothing where no server runs."""
    found = (_read(file) for file in sorted(folder.glob("routing-*.msgpack"))) if folder.is_dir() else ()
    return [published for published in found if published is not None and now - published.written <= FRESH]


def _read(file: Path) -> Published | None:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=Published)
    except (OSError, msgspec.MsgspecError):
        return None
