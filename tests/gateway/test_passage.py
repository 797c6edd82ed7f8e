"""The way through to control: what passes, what does not, and what is said while nobody is there."""

import asyncio
from pathlib import Path

import pytest

from entrepot.gateway import passage
from tests.gateways import running_gateway


async def control(path: Path, seen: list[bytes]) -> asyncio.Server:
    """Somebody on the private socket: keeps what it gets, answers in two pieces."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            seen.append(head + await reader.readexactly(length))
            writer.write(b"HTTP/1.1 201 Made\r\ncontent-type: text/plain\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n")
            writer.write(b"transfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await writer.drain()
            writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        writer.close()

    return await asyncio.start_unix_server(serve, path)


async def test_there_and_back(tmp_path: Path) -> None:
    seen: list[bytes] = []
    path = tmp_path / "c.sock"
    server = await control(path, seen)
    async with running_gateway(tmp_path / "d", control_path=str(path)) as gateway, gateway.client() as client:
        answer = await client.put("/api/things?x=1&y=%2F", content=b"body", headers={"x-forwarded-for": "6.6.6.6"})
        assert (answer.status_code, answer.text) == (201, "onetwo")
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert seen[0].startswith(b"PUT /api/things?x=1&y=%2F HTTP/1.1\r\n")
        assert seen[0].endswith(b"\r\n\r\nbody")
        assert b"x-forwarded-for: 127.0.0.1" in seen[0]
        assert b"6.6.6.6" not in seen[0]
        assert answer.headers["x-request-id"].encode() in seen[0]
        assert (await client.get("/")).status_code == 201
        assert (await client.get("/docs/zh")).status_code == 201
    server.close()


async def test_nobody_there(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        answer = await client.get("/api/status")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")


async def refusal_of(port: int, request: bytes) -> bytes:
    """What is answered before the body has come, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_body_has_a_limit_of_its_own(tmp_path: Path) -> None:
    """Nobody has shown a key yet: 32 MiB a connection would be anybody's way to fill the memory."""
    async with running_gateway(tmp_path) as gateway:
        for path in (b"/", b"/api/x", b"/console", b"/docs"):
            announced = b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\n\r\n" % path
            assert b" 413 " in (await refusal_of(gateway.port, announced)).split(b"\r\n")[0]
        chunked = b"POST /api/x HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        chunks = b"40000\r\n" + b"x" * 0x40000 + b"\r\n"
        assert b" 413 " in (await refusal_of(gateway.port, chunked + chunks * 5)).split(b"\r\n")[0]


async def test_so_many_at_once_and_no_more(tmp_path: Path) -> None:
    unfinished = b"POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n123"
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(passage.MAX_AT_ONCE)]
        for _, writer in held:
            writer.write(unfinished)
            await writer.drain()
        await asyncio.sleep(0.2)
        answer = await client.get("/api/status")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["connection"] == "close"
        assert (await client.get("/v1/models")).status_code == 200
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.2)
        assert (await client.get("/api/status")).json()["error"]["code"] == "store_unavailable"  # nobody listens there


async def test_a_body_that_drips_gives_its_place_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "BODY_SECONDS", 0.3)
    async with running_gateway(tmp_path) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"POST /api/x HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(10):
            writer.write(b"x")
            await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
            assert b"connection: close" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
