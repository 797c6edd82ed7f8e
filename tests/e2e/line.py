"""A TCP line between a server and its database that a test can cut, silence, or make deaf. In a thread of its own."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Literal, TypeAlias

Mode: TypeAlias = Literal["open", "cut", "silent", "deaf"]


class Line:
    """Passes bytes on while `open`.

    `cut`: connections are reset, new ones refused. `silent`: connections stand, new ones too, and nothing passes (what was
    sent arrives when the line is open again). `deaf`: questions pass, answers are lost, then the connection breaks: the
    server commits, and the client never learns of it.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._mode: Mode = "open"
        self._tasks: set[asyncio.Task[None]] = set()
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.set("open")

    def set(self, mode: Mode) -> None:
        """From now on."""
        asyncio.run_coroutine_threadsafe(self._set(mode), self._loop).result(10)

    def close(self) -> None:
        """Reset all."""
        self.set("cut")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if mode == "silent":
            self._passing.clear()
        else:
            self._passing.set()
        if mode == "cut":
            if self._server is not None:
                self._server.close()
                self._server = None
            for pair in list(self._pairs):
                _reset(*pair)
            await asyncio.sleep(0)
        elif self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passing.wait()
        try:
            back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, forth)
        self._pairs.add(pair)
        try:
            both = [self._pump(reader, forth), self._pump(back, writer, answers=True)]
            await asyncio.wait(list(map(asyncio.ensure_future, both)), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pairs.discard(pair)
            _reset(*pair)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._passing.wait()
                if answers and self._mode == "deaf":
                    return
                writer.write(data)
                await writer.drain()


def _reset(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """An open line to a port of this machine."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
