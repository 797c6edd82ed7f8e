"""Reports in files: written whole, read while fresh."""

import asyncio
from pathlib import Path

import pytest

from entrepot.kit.tasks import TaskGroup
from entrepot.routing.published import FRESH, publish, publish_loop, read_published
from tests.routing.boards import BoardUnderTest


def test_what_is_published_is_what_is_read(tmp_path: Path) -> None:
    made = BoardUnderTest()
    made.answers()
    made.fails(channel=2, wait=30.0)
    publish(tmp_path / "metrics", 0, made.board, made.clock)
    publish(tmp_path / "metrics", 1, BoardUnderTest().board, made.clock)
    first, second = read_published(tmp_path / "metrics", made.clock.wall())
    assert (first.worker, [channel.id for channel in first.channels], second.channels) == (0, [1, 2], ())
    assert read_published(tmp_path / "metrics", made.clock.wall() + FRESH + 1) == [], "they are gone"


def test_no_server_and_files_that_are_none(tmp_path: Path) -> None:
    assert read_published(tmp_path / "nothing", 0.0) == []
    (tmp_path / "routing-0.msgpack").write_bytes(b"\xc1")
    assert read_published(tmp_path, 0.0) == []


async def test_the_loop_goes_on_where_the_disk_refuses(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    made, tasks = BoardUnderTest(), TaskGroup()
    blocked = tmp_path / "metrics"
    blocked.write_text("a file where the folder should be")
    tasks.spawn(publish_loop(blocked, 0, made.board, made.clock), "publish")
    async with asyncio.timeout(3):
        while "cannot be published" not in caplog.text:
            await asyncio.sleep(0.01)
    blocked.unlink()
    async with asyncio.timeout(3):
        while not read_published(blocked, made.clock.wall()):
            await asyncio.sleep(0.05)
    await tasks.close()
