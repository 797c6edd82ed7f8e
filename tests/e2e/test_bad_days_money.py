"""Money on bad days of a whole installation: nothing lost, nothing double. The long versions are in `make soak`."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.bad_days import Nodes, database_away, two_nodes, worker_paused
from tests.e2e.bad_disks import disk_full, power_loss
from tests.e2e.clocks import clock_jumps


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with two_nodes(tmp_path_factory.mktemp("nodes")) as made:
        yield made


def test_the_database_goes_away_and_comes_back(nodes: Nodes) -> None:
    asyncio.run(database_away(nodes, [("cut", 2), ("deaf", 2), ("killed", 3), ("frozen", 4)], print))


def test_a_worker_is_paused_retired_and_woken(nodes: Nodes) -> None:
    asyncio.run(worker_paused(nodes, 2, print))


def test_the_power_goes_and_journals_are_torn_and_poisoned(tmp_path: Path) -> None:
    asyncio.run(power_loss(tmp_path, print))


def test_the_disk_is_full(tmp_path: Path) -> None:
    asyncio.run(disk_full(tmp_path, print))


def test_the_clock_jumps(tmp_path: Path) -> None:
    asyncio.run(clock_jumps(tmp_path, 0.8, print))
