"""Writes lines to a descriptor from a thread of its own: a reader that stalls never stops the event loop.

What cannot be kept in the bounded queue is dropped and counted. Several workers share one pipe,
so whole lines go out in writes of at most PIPE_BUF bytes, which the kernel does not mix
(POSIX, write(2): "Write requests of {PIPE_BUF} bytes or less shall not be interleaved").
"""

import contextlib
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

ATOMIC = 4096
"""Bytes that one write may have and still not be mixed with another process's (PIPE_BUF on Linux)."""
PAUSE = 0.25
"""Seconds that a line waits for others at most."""
_MANY = 512
"""Queued lines (about 250 KB) that wake the writer before the pause is over: each waking costs the event loop two switches."""
_BLOCK = 65536
"""Bytes of one write to a file: Linux locks it and its position for each, so that nothing mixes whatever the size."""


class LineWriter(Generic[T]):
    """Takes items, encodes and writes them elsewhere. `encode` gives one line with its LF."""

    def __init__(self, descriptor: int, encode: Callable[[T], bytes], *, limit: int = 10_000, name: str = "lines") -> None:
        self._descriptor = descriptor
        self._encode = encode
        self._limit = limit
        self._block = _BLOCK if _is_file(descriptor) else ATOMIC
        self._queue: deque[T] = deque()
        self._lost = 0
        self._lost_unseen = 0
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Items that were lost: the queue was full, or nobody reads any more."""
        return self._lost + self._lost_unseen

    @property
    def waiting(self) -> int:
        """Items that are not encoded yet."""
        return len(self._queue)

    def put(self, item: T) -> None:
        """Queue an item; never waits."""
        queue = self._queue
        if len(queue) >= self._limit:
            self._lost += 1
            return
        queue.append(item)
        if len(queue) == _MANY:
            self._wake.set()

    def hurry(self) -> None:
        """Write what is queued now, not after the pause."""
        self._wake.set()

    def close(self, patience: float = 2.0) -> None:
        """Write what is queued; give up after `patience` seconds where nobody reads."""
        self._closing = True
        self._wake.set()
        self._thread.join(patience)
        if self._thread.is_alive():
            self._lost += len(self._queue)
            self._queue.clear()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(PAUSE)
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        """All that is queued, in blocks of whole lines."""
        block: list[bytes] = []
        size = 0
        while (line := self._next()) is not None:
            if size + len(line) > self._block and block:
                self._write(b"".join(block), len(block))
                block, size = [], 0
            block.append(line)
            size += len(line)
        if block:
            self._write(b"".join(block), len(block))

    def _next(self) -> bytes | None:
        while self._queue:
            with contextlib.suppress(IndexError):  # `close` gave up meanwhile
                item = self._queue.popleft()
                try:
                    return self._encode(item)
                except Exception:  # noqa: BLE001  # the thread's outermost wrapper: one line is lost, not the log
                    self._lost_unseen += 1
        return None

    def _write(self, block: bytes, lines: int) -> None:
        try:
            while block:
                try:
                    block = block[os.write(self._descriptor, block) :]
                except BlockingIOError:  # somebody who shares the pipe made it non-blocking
                    select.select([], [self._descriptor], [], PAUSE)
        except OSError:  # the reader is gone, or the disk is full: the gateway goes on
            self._lost_unseen += lines


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False
