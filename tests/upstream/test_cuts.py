"""Any valid answer, cut anywhere on its way: the same answer. Ended anywhere: a fault, never a shorter answer."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Timeouts
from entrepot.upstream.client import Upstream
from tests.upstream.vendor import LIMIT, Peer, opened, vendor

pytestmark = pytest.mark.asyncio(loop_factories=["uvloop"])
LAX = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Answer:
    """Bytes on the wire and what they mean."""

    wire: bytes
    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    framing: str
    coding: bytes | None


NAMES = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).map(lambda name: b"X-" + name)
VALUES = st.from_regex(rb"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    body = draw(st.one_of(st.binary(max_size=300), st.integers(1, 5000).map(lambda size: b"0123456789" * size)))
    status = draw(st.sampled_from([200, 201, 400, 429, 503]))
    extra = tuple(draw(st.lists(st.tuples(NAMES, VALUES), max_size=5)))
    coding = draw(st.sampled_from([None, b"gzip", b"deflate"]))
    packed = {None: bytes, b"gzip": gzip.compress, b"deflate": zlib.compress}[coding](body)
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    headers = list(extra)
    if coding is not None:
        headers.append((b"Content-Encoding", coding))
    if framing == "length":
        headers.append((b"Content-Length", b"%d" % len(packed)))
        payload = packed
    elif framing == "chunked":
        headers.append((b"Transfer-Encoding", b"chunked"))
        size = draw(st.integers(max(1, len(packed) // 20), len(packed) + 1))
        ending = draw(st.sampled_from([b"0\r\n\r\n", b"000;x=y\r\n\r\n", b"0\r\nx-sum: 1\r\n\r\n"]))
        pieces = (packed[at : at + size] for at in range(0, len(packed), size))
        payload = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + ending
    else:
        payload = packed
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"]))
    lines = [b"HTTP/1.1 %d Reason" % status, *(name + b": " + value for name, value in headers)]
    hidden = (b"content-encoding", b"content-length") if coding else ()
    seen = tuple((name.lower(), value) for name, value in headers if name.lower() not in hidden)
    return Answer(interim + b"\r\n".join(lines) + b"\r\n\r\n" + payload, status, seen, body, framing, coding)


async def exchange(upstream: Upstream, pieces: list[bytes]) -> tuple[int, tuple[tuple[bytes, bytes], ...], bytes]:
    """Status, headers and body of an answer sent in these pieces. Raises Fault."""

    async def script(peer: Peer) -> None:
        await peer.request()
        for piece in pieces:
            peer.writer.write(piece)
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async with vendor(script) as server:
        response = await opened(upstream, server.origin, Timeouts(first_byte=5, idle=5))
        try:
            return response.status, response.headers, await response.read(LIMIT)
        finally:
            response.close()


@LAX
@given(answer=answers(), data=st.data())
async def test_cut_anywhere(upstream: Upstream, answer: Answer, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(answer.wire) - 1), max_size=12)))
    pieces = [answer.wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(answer.wire)], strict=True)]
    assert await exchange(upstream, pieces) == (answer.status, answer.headers, answer.body)


@settings(LAX, max_examples=20)
@given(answer=answers().filter(lambda answer: len(answer.wire) < 500))
async def test_byte_by_byte(upstream: Upstream, answer: Answer) -> None:
    pieces = [answer.wire[at : at + 1] for at in range(len(answer.wire))]
    assert await exchange(upstream, pieces) == (answer.status, answer.headers, answer.body)


@LAX
@given(answer=answers(), data=st.data())
async def test_ended_anywhere(upstream: Upstream, answer: Answer, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(answer.wire) - 1))
    kind: Kind | None = None
    try:
        status, headers, body = await exchange(upstream, [answer.wire[:end]])
    except Fault as fault:
        kind = fault.kind
    if kind is not None:
        assert kind is (Kind.VENDOR_RESET if end == 0 else Kind.VENDOR_TRUNCATED)
        return
    # Only a body that lasts until the end of the connection cannot tell (a compressed one can, once it has begun).
    assert answer.framing == "close"
    assert (status, headers) == (answer.status, answer.headers)
    assert answer.body.startswith(body)
    assert answer.coding is None or body == b""
