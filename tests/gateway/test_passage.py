"""The way through to control: what passes, what does not, and what is said while nobody is there."""

import asyncio
from pathlib import Path

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
