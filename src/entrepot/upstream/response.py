"""A vendor's answer while it arrives: what the relay reads, and what a connection fills."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Protocol

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.kit.headtext import NO_HEAD, HeadText
from entrepot.upstream.inflate import Inflater


class Source(Protocol):
    """What an answer needs of the connection that it arrives on."""

    def resume(self) -> None:
        """Read on."""
        ...

    def drop(self) -> None:
        """Close at once."""
        ...


class Response:
    """One answer. The owner reads it and must `close()` it; nothing else gives the connection back.

    `status` and `head` are there from the start. `ended` says that the
    whole body has arrived; what is unread then is still to be had. gzip and deflate bodies come
    out decoded, without their content-encoding and content-length; other encodings stay as they are.
    """

    __slots__ = (
        "_decoder",
        "_failure",
        "_loop",
        "_source",
        "ended",
        "head",
        "parts",
        "paused",
        "sink",
        "status",
        "unread",
        "waiter",
    )

    def __init__(self, source: Source, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.head = NO_HEAD
        self.ended = False
        # The next five belong to the connection, which fills them without a call per chunk.
        self.parts: list[bytes] = []
        self.unread = 0
        self.paused = False
        self.waiter: asyncio.Future[None] | None = None
        self.sink: Callable[[bytes], bool] | None = None
        """Takes what arrives, right where it arrives: see `pour`."""
        self._source: Source | None = source
        self._loop = loop
        self._decoder: Inflater | None = None
        self._failure: tuple[Kind, BaseException | str | None] | None = None

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        return self.head.get(name)

    @property
    def headers(self) -> Headers:
        """All headers, names in lower case; without those of an encoding that was taken off."""
        pairs = self.head.pairs()
        if self._decoder is not None:
            pairs = [pair for pair in pairs if pair[0] not in (b"content-encoding", b"content-length")]
        return tuple(pairs)

    @property
    def complete(self) -> bool:
        """The whole body has arrived and was read: `chunk` would give b"" at once."""
        return self.ended and not self.parts and (self._decoder is None or not self._decoder.more)

    async def chunk(self) -> bytes:
        """All that has arrived since the last time, at least one byte; b"" at the clean end. Raises Fault."""
        while True:
            if self.parts or (self._decoder is not None and self._decoder.more):
                if data := self._take():
                    return data
            elif self.ended and (self._decoder is None or self._decoder.whole):
                return b""
            else:
                await self.arrival()

    async def pour(self, take: Callable[[bytes], bool]) -> None:
        """Give to `take` what has arrived, and then what arrives, without waking anybody for it.

        Returns when `take` gave False, or at the clean end (then the answer is `complete`). Raises Fault, and
        what `take` raises.
        """
        while data := await self.chunk():
            if not take(data):
                return
            if self.parts or self.ended or self._decoder is not None:
                continue
            self.sink = take
            try:
                await self.arrival()
                if self.sink is None:  # it gave False
                    return
            finally:
                self.sink = None

    def flow(self) -> None:
        """Give what has arrived to the sink (called by the connection, where there is one)."""
        sink = self.sink
        if sink is None:
            return
        try:
            if sink(self._take()):
                return
        except Exception as error:  # noqa: BLE001  it belongs to whoever poured, and is raised there
            waiter, self.waiter = self.waiter, None
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
        self.sink = None
        self.wake()

    async def read(self, limit: int) -> bytes:
        """The whole body; more than `limit` bytes are a Fault. Raises Fault."""
        if self.ended and self._decoder is None:
            data = self._take()
        else:
            pieces: list[bytes] = []
            size = 0
            while size <= limit and (data := await self.chunk()):
                pieces.append(data)
                size += len(data)
            data = b"".join(pieces)
        if len(data) > limit:
            self.close()
            raise Fault(Kind.VENDOR_TOO_LONG, "The upstream's answer is larger than allowed.")
        return data

    def close(self) -> None:
        """Give the connection back if the answer is complete, else abort it. May be called again."""
        self.parts.clear()
        if not self.ended:
            self.fail(Kind.INTERNAL, "the answer was closed before its end")

    async def arrival(self) -> None:
        """Wait until something changes. Raises Fault."""
        if self.ended:  # and yet the compressed body has no end
            self._failure = (Kind.VENDOR_TRUNCATED, "the compressed body stops before its end")
        if self._failure is not None:
            raise self._fault(*self._failure)
        self.waiter = waiter = self._loop.create_future()
        await waiter

    def begin(self, status: int, head: HeadText, encoding: bytes | None) -> None:
        """The final status and headers are there (called by the connection)."""
        if encoding is not None and (name := encoding.lower()) in (b"gzip", b"x-gzip", b"deflate"):
            self._decoder = Inflater(deflate=name == b"deflate")
        self.head = head
        self.status = status

    def end(self) -> None:
        """The body is complete and the connection is no longer ours (called by the connection)."""
        self.ended = True
        self._source = None
        self.wake()

    def fail(self, kind: Kind, cause: BaseException | str | None) -> None:
        """End in a fault after what has arrived; only the first one counts."""
        if self._failure is None and not self.ended:
            if isinstance(cause, BaseException):
                cause = cause.with_traceback(None)  # its frames hold this answer: a circle
            self._failure = (kind, cause)
        source, self._source = self._source, None
        if source is not None:
            source.drop()
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _fault(self, kind: Kind, cause: BaseException | str | None) -> Fault:
        """A new one each time, named in no frame of its own traceback: no circle keeps the answer alive."""
        fault = Fault(kind)
        if isinstance(cause, str):
            fault.add_note(cause)
        else:
            fault.__cause__ = cause
        return fault

    def _take(self) -> bytes:
        parts = self.parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        if self._decoder is None or not self._decoder.more:
            parts.clear()
            self.unread = 0
            if self.paused and self._source is not None:
                self.paused = False
                self._source.resume()
        else:
            data = b""
        if self._decoder is None:
            return data
        try:
            return self._decoder.decode(data)
        except zlib.error as error:
            parts.clear()
            self.ended = False
            self.fail(Kind.VENDOR_GARBAGE, error)
            return b""
