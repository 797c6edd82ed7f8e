"""Server-sent events: cut a byte stream into whole frames, and read one frame.

The splitter never changes a byte: joining all frames and the rest gives the input back.
A frame ends with an empty line; lines end with LF, CRLF or CR (WHATWG HTML §9.2.5).
"""

from typing import NamedTuple

MAX_FRAME = 4 * 1024 * 1024
"""Bytes that one frame may have before the stream is called garbage (an image chunk may be large)."""


class FrameTooLargeError(ValueError):
    """No empty line within `limit` bytes."""


class Event(NamedTuple):
    """One frame, read. `data` joins several data lines with LF; both are None where absent."""

    name: bytes | None
    data: bytes | None


class Splitter:
    """Feed bytes as they arrive, get whole frames back, terminators included."""

    __slots__ = ("_buffer", "_limit", "_scanned")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._buffer = b""
        self._scanned = 0
        self._limit = limit

    @property
    def rest(self) -> bytes:
        """What has arrived of a frame that is not whole yet."""
        return self._buffer

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now. Raises FrameTooLargeError."""
        # The common case by far: one chunk is one LF frame. No search beyond the terminator.
        if not self._buffer and data.endswith(b"\n\n") and data.find(b"\n\n") == len(data) - 2 and b"\r" not in data:
            return [data]
        buffer = self._buffer + data if self._buffer else data
        frames: list[bytes] = []
        start = 0
        scan = max(self._scanned - 3, 0)
        while (end := _frame_end(buffer, scan)) != -1:
            frames.append(buffer[start:end])
            start = scan = end
        self._buffer = buffer[start:]
        self._scanned = len(self._buffer)
        if len(self._buffer) > self._limit:
            raise FrameTooLargeError(f"a frame has more than {self._limit} bytes")
        return frames


def _frame_end(buffer: bytes, start: int) -> int:
    """Index just past the first empty line at or after `start`, or -1."""
    best = -1
    for mark in (b"\n\n", b"\r\n\r\n", b"\r\r", b"\n\r\n", b"\r\n\n"):
        at = buffer.find(mark, start, best if best != -1 else len(buffer))
        if at != -1:
            best = at + len(mark)
    return best


def read(frame: bytes) -> Event:
    """Name and data of a whole frame; comments and unknown fields are passed over."""
    if frame.startswith(b"data: ") and frame.find(b"\n") == len(frame) - 2 and b"\r" not in frame:
        return Event(None, frame[6:-2])
    name: bytes | None = None
    data: list[bytes] = []
    for line in frame.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
    return Event(name, b"\n".join(data) if data else None)
