"""Answers as they stand on the wire, and applications that break their order."""

import asyncio
from typing import Any

import pytest

from tests.edge_server import serving


async def _raw(port: int, request: bytes = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        data = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    return data


def _answering(headers: list[tuple[bytes, bytes]], *pieces: bytes, status: int = 200) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


async def test_a_counted_answer() -> None:
    async with serving(_answering([(b"Content-Length", b"5")], b"he", b"llo")) as running:
        head, _, body = (await _raw(running.port)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 5" in head
    assert b"transfer-encoding" not in head
    assert head.lower().count(b"connection: close") == 1
    assert body == b"hello"


async def test_an_answer_in_chunks() -> None:
    async with serving(_answering([], b"hello", b"", b"x" * 300)) as running:
        head, _, body = (await _raw(running.port)).partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head
    assert body == b"5\r\nhello\r\n12c\r\n" + b"x" * 300 + b"\r\n0\r\n\r\n"


async def test_an_empty_first_piece_sends_the_head() -> None:
    released = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await released.wait()
        await send({"type": "http.response.body", "body": b"late", "more_body": False})

    async with serving(app) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            released.set()
            assert await reader.read(-1) == b"4\r\nlate\r\n0\r\n\r\n"
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("status", [204, 304])
async def test_answers_that_have_no_body(status: int) -> None:
    async with serving(_answering([], status=status)) as running:
        head, _, body = (await _raw(running.port)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert b"transfer-encoding" not in head
    assert body == b""


async def test_head_gets_no_body() -> None:
    async with serving(_answering([(b"content-length", b"5")], b"hello")) as running:
        data = await _raw(running.port, b"HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert data.endswith(b"\r\n\r\n")
    assert b"content-length: 5" in data
    assert b"hello" not in data


async def test_the_application_may_ask_to_close() -> None:
    async with serving(_answering([(b"connection", b"Close"), (b"content-length", b"0")])) as running:
        data = await _raw(running.port, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert data.lower().count(b"connection: close") == 1


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_cannot_end_its_line(value: bytes) -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError) as caught:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"x", value)]})
        raised.append(str(caught.value))

    async with serving(app) as running:
        assert b"set-cookie" not in await _raw(running.port)
    assert raised == ["A header of the answer holds a line break."]


@pytest.mark.parametrize(
    ("length", "body", "complaint"), [(b"3", b"four", "longer"), (b"5", b"four", "shorter")], ids=["longer", "shorter"]
)
async def test_a_body_keeps_its_promise(length: bytes, body: bytes, complaint: str) -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        with pytest.raises(RuntimeError) as caught:
            await send({"type": "http.response.body", "body": body, "more_body": False})
        raised.append(str(caught.value))

    async with serving(app) as running:
        await _raw(running.port)
    assert complaint in raised[0]


async def test_a_body_has_its_place() -> None:
    raised: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError) as caught:
            await send({"type": "http.response.body", "body": b"x", "more_body": False})
        raised.append(str(caught.value))
        await _answering([(b"content-length", b"0")])(scope, receive, send)
        with pytest.raises(RuntimeError) as caught:
            await send({"type": "http.response.body", "body": b"x", "more_body": False})
        raised.append(str(caught.value))

    async with serving(app) as running:
        assert (await _raw(running.port)).startswith(b"HTTP/1.1 200")
    assert raised == ["The application sent a piece of body out of order."] * 2


async def test_an_answer_has_one_head() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        with pytest.raises(RuntimeError, match="twice"):
            await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": False})

    async with serving(app) as running:
        assert (await _raw(running.port)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.1\r\nhost: a\r\n", b"GET / HTTP/1.0\r\n", b"HEAD / HTTP/1.1\r\nhost: a\r\n"]
)
@pytest.mark.parametrize("size", [0, 5, 70_000])
async def test_a_whole_answer_at_once(request_head: bytes, size: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["connection"].answer(200, [(b"content-type", b"text/plain")], bytes(size))

    async with serving(app) as running:
        head, _, body = (await _raw(running.port, request_head + b"connection: close\r\n\r\n")).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert b"content-length: %d" % size in head
    assert b"content-type: text/plain" in head
    assert b"connection: close" in head
    assert body == (b"" if request_head.startswith(b"HEAD") else bytes(size))
