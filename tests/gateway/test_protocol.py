"""What the edge takes for a request, what it refuses, and what an application learns of its client."""

import asyncio
from typing import Any

import pytest

from entrepot.core.faults import Kind
from entrepot.gateway.connection import EdgeLimits
from tests.edge_server import Echo, Held, answer, connection_of, read_body, serving, until
from tests.raw_client import RawClient, get, post

HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


# --- framing: whatever is ambiguous is refused, and what follows it is never a request

AMBIGUOUS = {
    "length and coding": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
    "the same length twice": HEAD + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a signed length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n",
    "a hexadecimal length": HEAD + b"Content-Length: 0x5\r\n\r\nhello",
    "an empty length": HEAD + b"Content-Length:\r\n\r\n",
    "a length of 70 bits": HEAD + b"Content-Length: 999999999999999999999\r\n\r\n",
    "gzip, chunked": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked, identity": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "identity": HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    "xchunked": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "quoted": HEAD + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "two codings": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "identity, then chunked": HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "vertical tab": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "empty coding": HEAD + b"Transfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello",
    "coding in HTTP/1.0": b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "folded header": HEAD + b"A: b\r\n c\r\n\r\n",
    "folded first line": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "bare LF": b"GET / HTTP/1.1\nHost: a\n\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: a\r\n\n",
    "bare LF in a header": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "bare CR": b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "NUL": b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "control character": b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n",
    "space in a name": b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: a\r\nXY\r\n\r\n",
    "no name": b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\nX: a\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "space in the target": b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
    "target beyond ASCII": "GET /é HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
    "unknown method": b"get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "HTTP/1.2": b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
    "HTTP/2.0": b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "CONNECT": b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    "websocket": b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "h2c with a body": HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 38\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
@pytest.mark.parametrize("cut", [False, True])
async def test_ambiguous_framing_is_400_and_no_request(request_bytes: bytes, cut: bool) -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        if cut:
            for byte in request_bytes:
                client.writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            await client.send(HIDDEN)
        else:
            await client.send(request_bytes + HIDDEN)
        got = await client.answer()
        assert (got.status, got.error["type"], got.headers["connection"]) == (400, "invalid_request_error", "close")
        assert got.error["code"] in {"malformed_http", "upgrade_not_supported"}
        assert got.headers["x-request-id"].startswith("req_")
        assert await client.closed() == b""
        assert running.refused == [Kind.MALFORMED_HTTP]
    assert app.scopes == []


BROKEN_CHUNKS = {
    "negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "prefixed": b"0x5\r\nhello\r\n0\r\n\r\n",
    "overflow": b"fffffffffffffffff5\r\nhello\r\n0\r\n\r\n",
    "space": b"5 \r\nhello\r\n0\r\n\r\n",
    "too long": b"5\r\nhelloXX\r\n0\r\n\r\n",
    "LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "no CRLF after the data": b"5\r\nhello0\r\n\r\n",
    "LF in an extension": b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a length in the trailer": b"0\r\nContent-Length: 30\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS.keys())
async def test_broken_chunks_are_400_and_the_body_never_ends(chunks: bytes) -> None:
    app = Held()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        app.finish.set()
        got = await client.ask(CHUNKED + chunks + HIDDEN)
        assert (got.status, got.error["code"]) == (400, "malformed_http")
        assert await client.closed() == b""
        client.writer.close()
        await running.quiet()
    assert app.told == ["left"]


async def test_a_body_that_breaks_after_the_answer_began_breaks_off() -> None:
    began = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"early", "more_body": True})
        began.set()
        assert await read_body(receive) is None

    async with serving(app) as running, await RawClient.open(running.port) as client:
        await client.send(CHUNKED)
        await began.wait()
        got = await client.ask(b"ZZ\r\n")
        assert (got.status, got.body, got.complete) == (200, b"early", False)


async def test_trailers_do_not_become_headers() -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(CHUNKED + b"5;ext=1\r\nhello\r\n0\r\nAuthorization: stolen\r\n\r\n")
        assert got.body == b"hello"
        assert (await client.ask(get())).status == 200
    assert [name for name, _ in app.scopes[0]["headers"]] == [b"host", b"transfer-encoding"]


# --- limits of a head


async def test_a_head_of_just_the_limit_passes_and_one_byte_more_does_not() -> None:
    limits = EdgeLimits(max_header=2000)
    fixed = len(get("/", "X: "))
    app = Echo()
    async with serving(app, limits) as running:
        async with await RawClient.open(running.port) as client:
            for _ in range(2):
                assert (await client.ask(get("/", "X: " + "y" * (2000 - fixed)))).status == 200
        async with await RawClient.open(running.port) as client:
            request = get("/", "X: ", "Content-Length: 3000", method="POST")
            request = request.replace(b"X: ", b"X: " + b"y" * (2000 - len(request)))
            await client.send(request[:-1])
            await asyncio.sleep(0.05)
            assert (await client.ask(request[-1:] + bytes(3000))).status == 200
        for request in (get("/", "X: " + "y" * (2001 - fixed)), get("/" + "p" * 2000), b"\r\n" * 1001):
            async with await RawClient.open(running.port) as client:
                got = await client.ask(request)
                assert (got.status, got.error["code"]) == (431, "headers_too_large")
                assert await client.closed() == b""
    assert len(app.seen) == 3


BOMBS = {
    "one huge header": b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000_000,
    "10,000 small ones": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * 10_000 + b"\r\n",
    "300 small ones, no end": b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a:b\r\n" * 300,
    "a giant target": b"GET /" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "spaces": b"GET / HTTP/1.1\r\nHost:" + b" " * 1_000_000 + b"a\r\n\r\n",
    "empty lines": b"\r\n" * 100_000,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
async def test_header_bombs_are_431(bomb: bytes) -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        sending = asyncio.get_running_loop().create_task(client.send(bomb))
        got = await client.answer()
        assert (got.status, got.error["code"], got.headers["connection"]) == (431, "headers_too_large", "close")
        sending.cancel()
    assert app.scopes == []


@pytest.mark.parametrize("flood", [b"0\r\nX: " + b"y" * 500_000, b"1;" + b"x" * 500_000], ids=["trailer", "extension"])
async def test_what_stands_between_chunks_is_bounded_too(flood: bytes) -> None:
    app = Held()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        app.finish.set()
        got = await client.ask(CHUNKED + b"5\r\nhello\r\n" + flood)
        assert (got.status, got.error["code"]) == (431, "headers_too_large")
    assert app.told == ["left"]


async def test_a_body_of_single_byte_chunks_is_no_flood() -> None:
    body = b"1\r\nx\r\n" * 50_000
    async with serving(Echo()) as running, await RawClient.open(running.port) as client:
        assert (await client.ask(CHUNKED + body + b"0\r\n\r\n")).body == b"x" * 50_000


async def test_large_bodies_pass_however_they_are_cut() -> None:
    body = bytes(range(256)) * 4000
    async with serving(Echo(), EdgeLimits(max_header=500)) as running, await RawClient.open(running.port) as client:
        assert (await client.ask(post(body))).body == body
        request = post(body)
        for start in range(0, len(request), 37_777):
            await client.send(request[start : start + 37_777])
        assert (await client.answer()).body == body
        assert (await client.ask(get("/") + post(body) + get("/"))).body == b""
        assert (await client.answer()).body == body
        assert (await client.answer()).body == b""


# --- plain HTTP


async def test_what_the_application_sees() -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        await client.ask(get("/a%20b/%E4%B8%AD?q=%20&r", "X-A: 1", "x-a: 2"))
        await client.ask(get("http://elsewhere/p?q"))
    first, second = app.scopes
    assert (first["method"], first["http_version"]) == ("GET", "1.1")
    assert (first["path"], first["raw_path"], first["query_string"]) == ("/a b/中", b"/a%20b/%E4%B8%AD", b"q=%20&r")
    assert first["headers"] == [(b"host", b"test"), (b"x-a", b"1"), (b"x-a", b"2")]
    assert first["client"][0] == "127.0.0.1"
    assert (second["path"], second["query_string"]) == ("/p", b"q")


async def test_head_has_a_length_and_no_body_and_the_connection_goes_on() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"hello")

    async with serving(app) as running, await RawClient.open(running.port) as client:
        for _ in range(2):
            got = await client.ask(get(method="HEAD"), head=True)
            assert (got.headers["content-length"], "date" in got.headers, "server" in got.headers) == ("5", True, False)
        assert (await client.ask(get())).body == b"hello"


@pytest.mark.parametrize("status", [404, 413, 204, 500])
async def test_a_connection_serves_again_after_any_status(status: int) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await read_body(receive)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with serving(app) as running, await RawClient.open(running.port) as client:
        for _ in range(3):
            got = await client.ask(post(b"x"))
            assert (got.status, "connection" in got.headers) == (status, False)


@pytest.mark.parametrize("how", ["raises", "raises after the head", "returns early", "says nothing"])
async def test_an_application_that_fails_is_500_without_a_trace(how: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if how == "returns early":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"part", "more_body": True})
        if how == "raises after the head":
            await send({"type": "http.response.start", "status": 200, "headers": []})
        if how.startswith("raises"):
            raise ValueError("a secret")

    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(get())
        if how == "returns early":
            assert (got.status, got.body, got.complete) == (200, b"part", False)
        else:
            assert (got.status, got.error["code"]) == (500, "internal_error")
            assert b"secret" not in got.body
        assert await client.closed() == b""
    assert "application" in caplog.text


# --- pipelining


async def test_pipelined_answers_keep_their_order() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.1 if scope["path"] == "/0" else 0)
        await answer(send, scope["path"].encode() + (await read_body(receive) or b""))

    async with serving(app) as running, await RawClient.open(running.port) as client:
        await client.send(b"".join(post(b"x" * number, f"/{number}") for number in range(8)))
        for number in range(8):
            assert (await client.answer()).body == f"/{number}".encode() + b"x" * number
        assert (await client.ask(get("/again"))).body == b"/again"


async def test_what_stands_behind_a_chunked_request_in_one_read_is_asked_again() -> None:
    """Only llhttp knows where chunks end: the connection closes after the answer, and the next request is not served."""
    app = Echo()
    async with serving(app) as running:
        async with await RawClient.open(running.port) as client:
            got = await client.ask(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + get("/again"))
            assert (got.body, got.headers["connection"]) == (b"hello", "close")
            assert await client.closed() == b""
        async with await RawClient.open(running.port) as client:
            for _ in range(2):
                assert (await client.ask(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")).body == b"hello"
            assert (await client.ask(b"\r\n" + get("/next"))).body == b""
    assert [path for _, path, _ in app.seen] == ["/", "/", "/", "/next"]


async def test_a_deep_pipeline_is_cut_after_the_requests_that_wait() -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        await client.send(b"".join(get(f"/{number}") for number in range(5000)))
        answers = [await client.answer() for _ in range(9)]
        assert [got.headers.get("connection") for got in answers] == [None] * 8 + ["close"]
        assert await client.closed() == b""
    assert len(app.seen) == 9


@pytest.mark.parametrize(
    ("bad", "status"), [(b"NONSENSE\r\n\r\n", 400), (CHUNKED + b"ZZ\r\n", 400), (b"GET /" + b"x" * 90_000, 431)]
)
async def test_a_bad_request_behind_a_good_one_waits_for_its_turn(bad: bytes, status: int) -> None:
    app = Held(stream=True)
    async with serving(app) as running, await RawClient.open(running.port) as client:
        await client.send(get())
        await app.arrived.wait()
        await client.send(bad)
        await asyncio.sleep(0.05)
        app.finish.set()
        assert (await client.answer()).body == b"firstlast"
        assert (await client.answer()).status == status
        assert await client.closed() == b""
    assert app.told == []


async def test_a_half_sent_request_behind_a_running_one_does_not_disturb_it() -> None:
    app = Held(stream=True)
    async with serving(app, EdgeLimits(header_timeout=0.2)) as running, await RawClient.open(running.port) as client:
        await client.send(get() + b"GET / HT")
        await asyncio.sleep(0.5)
        app.finish.set()
        assert (await client.answer()).body == b"firstlast"
        assert (await client.answer()).status == 408
    assert app.told == []


async def test_nothing_runs_after_a_request_that_closes() -> None:
    app = Echo()
    async with serving(app) as running, await RawClient.open(running.port) as client:
        got = await client.ask(get("/last", "Connection: close") + HIDDEN)
        assert (got.status, got.headers["connection"]) == (200, "close")
        assert await client.closed() == b""
    assert [path for _, path, _ in app.seen] == ["/last"]


# --- the client leaves


@pytest.mark.parametrize("leave", ["close", "reset", "half-close"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("size", [0, 300_000])
async def test_a_client_that_leaves_while_it_is_answered(leave: str, stream: bool, size: int) -> None:
    """A body of 300 KB too: uvicorn would leave reading paused after it and never know."""
    app = Held(stream=stream)
    async with serving(app) as running:
        client = await RawClient.open(running.port)
        await client.send(post(bytes(size)))
        await app.arrived.wait()
        assert app.told == []
        if leave == "close":
            client.writer.close()
        elif leave == "reset":
            client.reset()
        else:
            client.writer.write_eof()
        await until(lambda: bool(app.told))
        assert app.connection is not None
        assert app.connection.gone
        app.finish.set()
        await app.ended.wait()
        await running.quiet()
        client.writer.close()
    assert app.told == ["left"]


async def test_a_client_that_leaves_in_the_middle_of_its_body() -> None:
    app = Held()
    async with serving(app) as running:
        client = await RawClient.open(running.port)
        await client.send(post(bytes(1000))[:-1])
        await until(lambda: app.connection is not None)
        client.writer.close()
        await until(lambda: bool(app.told))
        app.finish.set()
        await running.quiet()
    assert app.told == ["left"]


async def test_a_client_that_leaves_before_the_application_starts_and_after_it_ended() -> None:
    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).on_gone(told.append)
        await answer(send, b"ok")
        await asyncio.sleep(0.1)

    async with serving(app) as running:
        client = await RawClient.open(running.port)
        assert (await client.ask(get())).body == b"ok"
        client.reset()  # the answer is complete, the application still runs
        await running.quiet()
        assert told == []
        client = await RawClient.open(running.port)
        client.writer.write(get())
        client.writer.close()
        await asyncio.sleep(0.05)
        await running.quiet()
    assert told in ([], ["left"])  # it depends on who was first; never twice


async def test_leaving_tells_the_running_request_and_never_starts_the_waiting_ones() -> None:
    app = Held()
    paths: list[str] = []

    async def first_then(scope: Any, receive: Any, send: Any) -> None:
        paths.append(scope["path"])
        await app(scope, receive, send)

    async with serving(first_then) as running:
        client = await RawClient.open(running.port)
        await client.send(get("/1") + get("/2") + get("/3"))
        await app.arrived.wait()
        await asyncio.sleep(0.02)
        client.reset()
        await until(lambda: bool(app.told))
        app.finish.set()
        await running.quiet()
    assert (app.told, paths) == (["left"], ["/1"])


async def test_the_callback_belongs_to_the_request_in_hand() -> None:
    told: list[tuple[str, str]] = []
    arrived = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection_of(scope).on_gone(lambda reason: told.append((scope["path"], reason)))
        if scope["path"] == "/2":
            arrived.set()
            assert (await receive())["type"] == "http.request"
            assert (await receive())["type"] == "http.disconnect"
        await answer(send, b"ok")

    async with serving(app) as running:
        client = await RawClient.open(running.port)
        await client.send(get("/1") + get("/2") + get("/3"))
        await arrived.wait()
        client.writer.close()
        await running.quiet()
    assert told == [("/2", "left")]


@pytest.mark.parametrize("leave", ["reset", "half-close"])
async def test_a_sender_that_waits_for_the_client_wakes_when_it_leaves(leave: str) -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while not connection_of(scope).gone:
            await send({"type": "http.response.body", "body": bytes(65536), "more_body": True})
        ended.set()

    async with serving(app) as running:
        client = await RawClient.open(running.port, receive_buffer=4096)
        client.writer.transport.pause_reading()  # pyright: ignore[reportAttributeAccessIssue]
        await client.send(get())
        await asyncio.sleep(0.1)
        assert not ended.is_set()
        client.reset() if leave == "reset" else client.writer.write_eof()
        await asyncio.wait_for(ended.wait(), 5)
        client.reset()
        await running.quiet()
