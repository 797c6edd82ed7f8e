"""What an owner does with an answer: chunk, read, close, compressed bodies."""

import asyncio
import gc
import gzip
import zlib

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.upstream.client import Upstream
from entrepot.upstream.connection import Connection
from entrepot.upstream.inflate import OUTPUT
from entrepot.upstream.response import Response
from tests.upstream.vendor import Peer, always, answering, call, drain, eventually, opened, outcome, vendor, whole

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
TEXT = b"the quick brown fox " * 500


async def test_a_small_answer_is_read_without_waiting(upstream: Upstream) -> None:
    async with vendor(always(whole(b"x" * 1024))) as server:
        response = await opened(upstream, server.origin)
        assert response.ended
        with pytest.raises(StopIteration) as stopped:
            response.read(2000).send(None)  # ends at its first step
        assert stopped.value.value == b"x" * 1024
        response.close()


async def test_chunks_are_coalesced(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\na\r\n")
        for letter in (b"b", b"c", b"d"):
            await peer.send(b"1\r\n" + letter + b"\r\n")
            await asyncio.sleep(0.01)
        await peer.send(b"0\r\n\r\n")
        await peer.gone()

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        assert not response.ended
        await eventually(lambda: response.ended)
        assert await response.chunk() == b"abcd"
        assert await response.chunk() == b""
        assert await response.chunk() == b""
        response.close()
        assert upstream.stats()[server.origin].idle == 1


async def test_each_chunk_comes_at_once(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        for letter in (b"a", b"b", b"c"):
            await peer.send(b"1\r\n" + letter + b"\r\n")
            await asyncio.sleep(0.03)
        await peer.send(b"0\r\n\r\n")

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        assert [await response.chunk() for _ in range(4)] == [b"a", b"b", b"c", b""]
        response.close()


async def test_read_has_a_limit(upstream: Upstream) -> None:
    for answer in (whole(b"x" * 1000), CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n0\r\n\r\n", whole(b"x" * 5_000_000)):
        async with vendor(always(answer)) as server:
            response = await opened(upstream, server.origin)
            with pytest.raises(Fault) as caught:
                await response.read(999)
            assert caught.value.kind is Kind.VENDOR_TOO_LONG
            response.close()
            stats = upstream.stats().get(server.origin)
            assert stats is None or stats.in_use == 0
    async with vendor(always(whole(b"x" * 1000))) as server:
        response = await opened(upstream, server.origin)
        assert len(await response.read(1000)) == 1000
        response.close()


async def test_read_does_not_wait_for_the_end_of_too_much(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"3e8\r\n" + b"x" * 1000 + b"\r\n")
        await peer.gone()

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        with pytest.raises(Fault) as caught:
            await response.read(999)
        assert caught.value.kind is Kind.VENDOR_TOO_LONG
        assert upstream.stats() == {}


async def test_closing_early_aborts(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED + b"1\r\na\r\n")
        await peer.gone()

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        assert upstream.stats()[server.origin].in_use == 1
        response.close()
        response.close()
        assert upstream.stats() == {}
        await eventually(lambda: server.open == 0)
        with pytest.raises(Fault) as caught:
            await response.chunk()
        assert caught.value.kind is Kind.INTERNAL


async def test_closing_a_complete_answer_keeps_the_connection(upstream: Upstream) -> None:
    async with vendor(always(whole(b"x" * 100))) as server:
        for _ in range(3):
            response = await opened(upstream, server.origin)
            assert response.ended
            response.close()
            assert await response.chunk() == b""
        assert server.connections == 1


async def test_closing_wakes_a_reader(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await peer.gone()

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        task = asyncio.get_running_loop().create_task(response.chunk())
        await asyncio.sleep(0.01)
        response.close()
        with pytest.raises(Fault):
            await task


async def test_a_cancelled_reader_may_come_back(upstream: Upstream) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED)
        await asyncio.sleep(0.05)
        await peer.send(b"1\r\na\r\n0\r\n\r\n")

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        task = asyncio.get_running_loop().create_task(response.chunk())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await response.chunk() == b"a"
        assert await response.chunk() == b""
        response.close()


async def test_a_fault_stays_a_fault(upstream: Upstream) -> None:
    async with vendor(answering(CHUNKED + b"zz\r\n")) as server:
        response = await opened(upstream, server.origin)
        for _ in range(2):
            with pytest.raises(Fault) as caught:
                await response.chunk()
            assert caught.value.kind is Kind.VENDOR_GARBAGE
            assert caught.value.__cause__ is not None
        response.close()


async def test_a_fault_leaves_no_circle(upstream: Upstream) -> None:
    """What ends badly is freed at once and does not wait for the garbage collector."""

    def left() -> list[object]:
        return [thing for thing in gc.get_objects() if isinstance(thing, Response | Connection | Fault)]

    async with vendor(answering(CHUNKED + b"zz\r\n")) as server:
        gc.collect()
        gc.disable()
        try:
            assert await drain(await opened(upstream, server.origin)) == (b"", Kind.VENDOR_GARBAGE)
            await asyncio.sleep(0.01)
            assert left() == []
        finally:
            gc.enable()


def raw(data: bytes) -> bytes:
    """Deflate without zlib's frame, as some servers send it."""
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


CODINGS = {b"gzip": gzip.compress, b"x-gzip": gzip.compress, b"GZIP": gzip.compress, b"deflate": zlib.compress}


@pytest.mark.parametrize("name", [*CODINGS, b"bare"])
@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
async def test_decodes(upstream: Upstream, name: bytes, framing: str) -> None:
    packed = raw(TEXT) if name == b"bare" else CODINGS[name](TEXT)
    coding = b"content-encoding: " + (b"deflate" if name == b"bare" else name)
    answer = whole(packed, coding, b"x: y")
    if framing == "chunked":
        pieces = [packed[at : at + 7] for at in range(0, len(packed), 7)]
        answer = CHUNKED.replace(b"\r\n\r\n", b"\r\n" + coding + b"\r\nx: y\r\n\r\n")
        answer += b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    elif framing == "close":
        answer = b"HTTP/1.1 200 OK\r\nx: y\r\n" + coding + b"\r\n\r\n" + packed
    async with vendor(answering(answer)) as server:
        _, headers, body = await call(upstream, server.origin)
        assert body == TEXT
        assert [pair for pair in headers if pair[0] != b"transfer-encoding"] == [(b"x", b"y")]


async def test_decodes_a_stream_as_it_comes(upstream: Upstream) -> None:
    engine = zlib.compressobj(wbits=31)
    first = engine.compress(b"data: 1\n\n") + engine.flush(zlib.Z_SYNC_FLUSH)
    second = engine.compress(b"data: 2\n\n") + engine.flush()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n" + first[:10], first[10:])
        await asyncio.sleep(0.05)
        await peer.send(second)

    async with vendor(script) as server:
        response = await opened(upstream, server.origin)
        assert [await response.chunk() for _ in range(3)] == [b"data: 1\n\n", b"data: 2\n\n", b""]
        response.close()


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"identity"])
async def test_other_codings_stay_as_they_are(upstream: Upstream, coding: bytes) -> None:
    async with vendor(always(whole(b"\x01\x02", b"content-encoding: " + coding))) as server:
        _, headers, body = await call(upstream, server.origin)
        assert body == b"\x01\x02"
        assert (b"content-encoding", coding) in headers


PACKED = gzip.compress(TEXT)
BAD = {
    "not gzip": (b"plain text", Kind.VENDOR_GARBAGE),
    "cut": (PACKED[:-12], Kind.VENDOR_TRUNCATED),
    "cut in the trailer": (PACKED[:-1], Kind.VENDOR_TRUNCATED),
    "checksum": (PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], Kind.VENDOR_GARBAGE),
    "more": (PACKED + b"more", Kind.VENDOR_GARBAGE),
    "two": (PACKED + PACKED, Kind.VENDOR_GARBAGE),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_compression(upstream: Upstream, name: str) -> None:
    packed, kind = BAD[name]
    async with vendor(always(whole(packed, b"content-encoding: gzip"))) as server:
        assert await outcome(upstream, server.origin) is kind
        response = await opened(upstream, server.origin)
        _, again = await drain(response)
        assert again is kind


async def test_no_body_to_decode(upstream: Upstream) -> None:
    for answer in (whole(b"", b"content-encoding: gzip"), b"HTTP/1.1 204 No Content\r\ncontent-encoding: gzip\r\n\r\n"):
        async with vendor(always(answer)) as server:
            assert await outcome(upstream, server.origin) == b""


async def test_bomb(upstream: Upstream) -> None:
    """100 KB that would be 100 MB: a limit stops it, a stream of it comes in bounded pieces."""
    bomb = gzip.compress(bytes(100_000_000))
    async with vendor(always(whole(bomb, b"content-encoding: gzip"))) as server:
        response = await opened(upstream, server.origin)
        with pytest.raises(Fault) as caught:
            await response.read(1_000_000)
        assert caught.value.kind is Kind.VENDOR_TOO_LONG
        response = await opened(upstream, server.origin)
        largest = size = 0
        while piece := await response.chunk():
            largest, size = max(largest, len(piece)), size + len(piece)
        assert size == 100_000_000
        assert largest <= OUTPUT
        response.close()


# --- pour


async def _letters(peer: Peer) -> None:
    await peer.request()
    await peer.send(CHUNKED + b"1\r\na\r\n")
    for letter in (b"b", b"c", b"d"):
        await asyncio.sleep(0.02)
        await peer.send(b"1\r\n" + letter + b"\r\n")
    await asyncio.sleep(0.02)
    await peer.send(b"0\r\n\r\n")
    await peer.gone()


async def test_what_pours_wakes_no_task(upstream: Upstream) -> None:
    got: list[tuple[bytes, bool]] = []

    def take(data: bytes) -> bool:
        got.append((data, asyncio.current_task() is None))
        return True

    async with vendor(_letters) as server:
        response = await opened(upstream, server.origin)
        await response.pour(take)
        assert response.complete
        response.close()
    assert b"".join(data for data, _ in got) == b"abcd"
    assert [outside for _, outside in got[-3:]] == [True] * 3


async def test_pouring_stops_when_it_was_enough_and_goes_on(upstream: Upstream) -> None:
    got: list[bytes] = []

    def take(data: bytes) -> bool:
        got.append(data)
        return data != b"b"

    async with vendor(_letters) as server:
        response = await opened(upstream, server.origin)
        await response.pour(take)
        assert (got[-1], response.complete) == (b"b", False)
        await asyncio.sleep(0.1)
        assert got[-1] == b"b", "nobody asked for more"
        await response.pour(take)
        assert (b"".join(got), response.complete) == (b"abcd", True)
        response.close()


async def test_what_the_taker_raises_is_raised_by_pour(upstream: Upstream) -> None:
    def take(data: bytes) -> bool:
        if data == b"c":
            raise Fault(Kind.VENDOR_LIED)
        return True

    async with vendor(_letters) as server:
        response = await opened(upstream, server.origin)
        with pytest.raises(Fault) as caught:
            await response.pour(take)
        assert caught.value.kind is Kind.VENDOR_LIED
        response.close()


async def test_a_compressed_answer_pours_too(upstream: Upstream) -> None:
    got: list[bytes] = []
    packed = gzip.compress(TEXT)
    async with vendor(always(whole(packed, b"content-encoding: gzip"))) as server:
        response = await opened(upstream, server.origin)
        await response.pour(lambda data: got.append(data) is None)
        assert (b"".join(got), response.complete) == (TEXT, True)
        response.close()


async def test_a_pour_that_is_cancelled_leaves_no_taker(upstream: Upstream) -> None:
    got: list[bytes] = []
    async with vendor(_letters) as server:
        response = await opened(upstream, server.origin)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.03):
                await response.pour(lambda data: got.append(data) is None)
        known = list(got)
        await asyncio.sleep(0.1)
        assert got == known
        assert await response.read(10) == b"abcd"[len(b"".join(known)) :]
        response.close()
