"""Any worker answers for all, counters never go down, the dead leave."""

import asyncio
import logging
import os
import re
from pathlib import Path

import pytest

from entrepot.kit.clock import ManualClock
from entrepot.kit.tasks import TaskGroup
from entrepot.observe.metrics import FRESH, Metrics


def _value(metrics: Metrics, name: str) -> float:
    """The sum of a metric over its labels."""
    found = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", metrics.render().decode(), re.MULTILINE)
    return sum(map(float, found))


def _publish(metrics: Metrics) -> None:
    metrics._publish(metrics.snapshot())


def test_a_process_alone_needs_no_directory(record) -> None:
    metrics = Metrics(None, 0, ManualClock())
    metrics.observe(record())
    _publish(metrics)
    assert _value(metrics, "entrepot_calls_total") == 1
    assert _value(metrics, "entrepot_workers") == 1


def test_any_worker_answers_for_all(record, tmp_path: Path) -> None:
    clock = ManualClock()
    workers = [Metrics(tmp_path / "metrics", index, clock) for index in range(3)]
    for index, worker in enumerate(workers):
        worker.gauge("entrepot_open_calls", "Calls that run.", lambda index=index: index + 1)
        for _ in range(index + 1):
            worker.observe(record())
        _publish(worker)
    for worker in workers:
        assert _value(worker, "entrepot_calls_total") == 6
        assert _value(worker, "entrepot_open_calls") == 6
        assert _value(worker, "entrepot_workers") == 3


def test_a_workers_own_numbers_are_those_of_this_moment(record, tmp_path: Path) -> None:
    worker = Metrics(tmp_path, 0, ManualClock())
    _publish(worker)
    worker.observe(record())
    assert _value(worker, "entrepot_calls_total") == 1


def test_a_dead_workers_gauges_leave_and_its_counters_stay(record, tmp_path: Path) -> None:
    clock = ManualClock()
    alive, dying = Metrics(tmp_path, 0, clock), Metrics(tmp_path, 1, clock)
    for worker in (alive, dying):
        worker.gauge("entrepot_open_calls", "Calls that run.", lambda: 1)
        worker.observe(record())
        _publish(worker)
    clock.advance(FRESH + 1)
    assert _value(alive, "entrepot_open_calls") == 1
    assert _value(alive, "entrepot_workers") == 1
    assert _value(alive, "entrepot_calls_total") == 2


def test_a_worker_that_starts_again_continues_the_numbers(record, tmp_path: Path) -> None:
    clock = ManualClock()
    other, first = Metrics(tmp_path, 0, clock), Metrics(tmp_path, 1, clock)
    first.observe(record())
    _publish(first)
    second = Metrics(tmp_path, 1, clock)
    second.observe(record())
    _publish(second)
    assert _value(other, "entrepot_calls_total") == 2
    assert _value(second, "entrepot_calls_total") == 2


def test_an_earlier_run_of_the_server_does_not_count(record, tmp_path: Path) -> None:
    clock = ManualClock()
    for index in (0, 1):
        old = Metrics(tmp_path, index, clock, run="yesterday")
        old.observe(record())
        _publish(old)
    new = Metrics(tmp_path, 0, clock, run="today")
    assert _value(new, "entrepot_calls_total") == 0
    assert _value(new, "entrepot_workers") == 1


def test_a_file_that_is_no_snapshot_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "worker-1.msgpack").write_bytes(b"\xff not ours")
    (tmp_path / "worker-2.msgpack").write_bytes(b"")
    assert _value(Metrics(tmp_path, 0, ManualClock()), "entrepot_workers") == 1


async def test_the_loop_publishes(record, tmp_path: Path) -> None:
    clock = ManualClock()
    worker, reader = Metrics(tmp_path / "new", 0, clock), Metrics(tmp_path / "new", 1, clock)
    worker.observe(record())
    tasks = TaskGroup()
    tasks.spawn(worker.publish_loop(), "publish")
    async with asyncio.timeout(5):
        while _value(reader, "entrepot_calls_total") != 1:
            await asyncio.sleep(0.01)
    await tasks.close()
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["worker-0.msgpack"]


@pytest.mark.parametrize("turns", [3])
async def test_a_disk_that_refuses_is_reported_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr("entrepot.observe.metrics.PERIOD", 0.01)
    worker = Metrics(tmp_path / "file" / "metrics", 0, ManualClock())
    tasks = TaskGroup()
    with caplog.at_level(logging.WARNING, "entrepot.metrics"):
        tasks.spawn(worker.publish_loop(), "publish")
        await asyncio.sleep(0.05 * turns)
        assert len(tasks) == 1
        await tasks.close()
    assert len(caplog.records) == 1


def test_workers_of_one_supervisor_are_one_run(record, tmp_path: Path) -> None:
    clock = ManualClock()
    worker = Metrics(tmp_path, 0, clock)
    worker.observe(record())
    _publish(worker)
    assert str(os.getppid()).encode() in (tmp_path / "worker-0.msgpack").read_bytes()
    assert _value(Metrics(tmp_path, 1, clock), "entrepot_calls_total") == 1
