"""Lines arrive whole, and a reader that stalls stops nobody."""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.observe.lines import ATOMIC, LineWriter


def _line(item: str) -> bytes:
    return item.encode() + b"\n"


class _Pipe:
    """Both ends, each closed once: a number that is closed twice may be somebody else's by then."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = {self.reading, self.writing}

    def close(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._open.remove(descriptor)
            os.close(descriptor)


@pytest.fixture
def pipe() -> Iterator[_Pipe]:
    ends = _Pipe()
    yield ends
    ends.close(ends.reading)  # first: a writer that is stuck gets EPIPE
    ends.close(ends.writing)


def _read_all(reading: int) -> bytes:
    return b"".join(iter(lambda: os.read(reading, 65536), b""))


def test_lines_come_in_order_and_close_writes_what_is_left(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    lines = LineWriter(writing, _line)
    for number in range(1000):
        lines.put(f"line {number}")
    lines.close()
    pipe.close(writing)
    assert _read_all(reading).decode().splitlines() == [f"line {number}" for number in range(1000)]
    assert (lines.dropped, lines.waiting) == (0, 0)


def test_a_line_comes_soon_without_close(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    lines = LineWriter(writing, _line)
    lines.put("soon")
    started = time.perf_counter()
    assert os.read(reading, 100) == b"soon\n"
    assert time.perf_counter() - started < 2
    lines.close()


def test_a_reader_that_stalls_stops_nobody_and_the_loss_is_counted(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    lines = LineWriter(writing, _line, limit=100)
    started = time.perf_counter()
    for _ in range(20_000):  # the pipe holds 64 KB, which is 64 of these lines
        lines.put("x" * 999)
    assert time.perf_counter() - started < 1
    assert lines.dropped > 19_000
    assert lines.waiting <= 100
    # It reads again: what was kept arrives, whole.
    arrived: list[bytes] = []
    reader = threading.Thread(target=lambda: arrived.append(_read_all(reading)))
    reader.start()
    lines.put("after")
    lines.close(patience=10)
    pipe.close(writing)
    reader.join(10)
    kept = arrived[0].splitlines()
    assert all(line == b"x" * 999 for line in kept if line != b"after")
    assert len(kept) + lines.dropped == 20_001


def test_close_gives_up_on_a_reader_that_stalls(pipe: _Pipe) -> None:
    writing = pipe.writing
    lines = LineWriter(writing, _line)
    for _ in range(200):
        lines.put("x" * 999)
    started = time.perf_counter()
    lines.close(patience=0.3)
    assert time.perf_counter() - started < 2
    assert lines.dropped > 0
    assert lines.waiting == 0


def test_a_reader_that_is_gone(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    pipe.close(reading)
    lines = LineWriter(writing, _line)
    for _ in range(10):
        lines.put("nobody reads this")
    lines.close()
    assert lines.dropped == 10


def test_a_pipe_that_somebody_made_non_blocking(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    fcntl.fcntl(writing, fcntl.F_SETFL, fcntl.fcntl(writing, fcntl.F_GETFL) | os.O_NONBLOCK)
    lines = LineWriter(writing, _line)
    arrived: list[bytes] = []
    for _ in range(500):
        lines.put("x" * 999)
    time.sleep(0.4)  # the pipe is full now
    reader = threading.Thread(target=lambda: arrived.append(_read_all(reading)))
    reader.start()
    lines.close(patience=10)
    pipe.close(writing)
    reader.join(10)
    assert arrived[0] == (b"x" * 999 + b"\n") * 500
    assert lines.dropped == 0


def test_an_item_that_cannot_be_encoded_is_one_line_lost(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    lines = LineWriter(writing, _line)
    for item in ("a", "\udc80", "b"):
        lines.put(item)
    lines.close()
    pipe.close(writing)
    assert _read_all(reading) == b"a\nb\n"
    assert lines.dropped == 1


def test_lines_of_two_writers_on_one_pipe_do_not_mix(pipe: _Pipe) -> None:
    reading, writing = pipe.reading, pipe.writing
    arrived: list[bytes] = []
    reader = threading.Thread(target=lambda: arrived.append(_read_all(reading)))
    reader.start()
    writers = [LineWriter(writing, _line, limit=100_000) for _ in range(2)]
    for number in range(4000):
        for name, lines in zip("ab", writers, strict=True):
            lines.put(name * (1 + number % (ATOMIC - 2)))
    for lines in writers:
        lines.close(patience=20)
    pipe.close(writing)
    reader.join(20)
    got = arrived[0].decode().splitlines()
    assert len(got) == 8000
    assert all(len(set(line)) == 1 for line in got)


def test_a_file_is_written_in_large_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    plain = os.write

    def counted(descriptor: int, data: bytes) -> int:
        sizes.append(len(data))
        return plain(descriptor, data)

    monkeypatch.setattr(os, "write", counted)
    with (tmp_path / "calls.log").open("wb") as file:
        lines = LineWriter(file.fileno(), _line)
        for number in range(400):
            lines.put(f"{number:0999}")
        lines.close()
    assert (tmp_path / "calls.log").read_bytes() == b"".join(b"%0999d\n" % number for number in range(400))
    assert len(sizes) < 10 < 400_000 // ATOMIC
