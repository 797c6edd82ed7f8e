"""Metrics of all workers: each publishes its numbers to a file once a second, any of them answers with the sum.

Counters never go down while the server runs, or Prometheus would take it for a reset and show a
burst that never was: a worker that is started again continues the numbers of the one that died
in its place, and a dead worker's counters stay in the sum. Its gauges leave it after `FRESH` seconds.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from entrepot.core.record import Record
from entrepot.kit.clock import Clock
from entrepot.observe.exposition import Gauge, exposition
from entrepot.observe.tallies import Counter, Tallies

_log = logging.getLogger("entrepot.metrics")

PERIOD = 1.0
"""Seconds between two snapshots of a worker."""
FRESH = 10.0
"""Seconds after which a worker that has published nothing counts as gone."""

Reading: TypeAlias = float | Mapping[str, float]
Combine: TypeAlias = Literal["sum", "max", "min"]


class Published(msgspec.Struct):
    """What one worker wrote to its file."""

    run: str
    """Names one life of the whole server; files of an earlier one do not count."""
    written: float
    """Wall time in seconds."""
    tallies: Tallies
    gauges: dict[str, dict[str, float]]


class Metrics:
    """Listens to finished calls. `directory` is shared by all workers; None: this process is alone."""

    def __init__(
        self,
        directory: Path | None,
        index: int,
        clock: Clock,
        *,
        serves: Callable[[str], bool] | None = None,
        run: str | None = None,
    ) -> None:
        """`serves` says whether the operator offers a model by name; `run` defaults to the parent process."""
        self._file = None if directory is None else directory / f"worker-{index}.msgpack"
        self._clock = clock
        self._run = run or _parent()
        self._gauges: dict[str, Gauge] = {}
        before = self._read(self._file) if self._file else None
        counter = Counter(before.tallies if before else Tallies(), serves)
        self._tallies = counter.tallies
        self.money = counter.tallies.money
        """What the worker's desk counts into (buckets/desk.py)."""
        self.observe: Callable[[Record], None] = counter.count
        """Count a finished call (a few microseconds)."""

    def gauge(self, name: str, text: str, read: Callable[[], Reading], *, label: str = "", combine: Combine = "sum") -> None:
        """Show a value as it is when asked for. With a `label`, `read` gives one value for each of its values.

        `combine` says how the workers' values become one.
        """
        self._gauges[name] = Gauge(name, text, label, combine, read)

    async def publish_loop(self) -> None:
        """Publish once a second until cancelled. A disk that refuses is reported once."""
        refused = False
        while True:
            try:
                await asyncio.to_thread(self._publish, self.snapshot())
                refused = False
            except OSError as error:
                if not refused:
                    _log.warning("metrics cannot be published, those of other workers are missing", extra={"error": str(error)})
                refused = True
            await asyncio.sleep(PERIOD)

    def snapshot(self) -> bytes:
        """This worker's numbers as they stand in its file."""
        gauges = {name: gauge.values() for name, gauge in self._gauges.items()}
        return msgspec.msgpack.encode(Published(self._run, self._clock.wall(), self._tallies, gauges))

    def render(self) -> bytes:
        """The sum over all workers in Prometheus' text format 0.0.4."""
        total = Tallies()
        total.add(self._tallies)
        readings = [{name: gauge.values() for name, gauge in self._gauges.items()}]
        for other in self._others():
            total.add(other.tallies)
            if self._clock.wall() - other.written <= FRESH:
                readings.append(other.gauges)
        return exposition(total, list(self._gauges.values()), readings)

    def _publish(self, data: bytes) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        scratch = self._file.with_suffix(".new")
        scratch.write_bytes(data)
        scratch.replace(self._file)

    def _others(self) -> list[Published]:
        if self._file is None or not self._file.parent.is_dir():
            return []
        files = sorted(self._file.parent.glob("worker-*.msgpack"))
        found = [self._read(file) for file in files if file != self._file]
        return [published for published in found if published is not None]

    def _read(self, file: Path) -> Published | None:
        """A worker's file, or None where it is absent, of another run or of another version."""
        try:
            published = msgspec.msgpack.decode(file.read_bytes(), type=Published)
        except (OSError, msgspec.MsgspecError):
            return None
        return published if published.run == self._run else None


def _parent() -> str:
    """The supervisor: its process id, and (on Linux) its start time, as ids come again."""
    parent = os.getppid()
    try:
        started = Path(f"/proc/{parent}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = ""
    return f"{parent}:{started}"
