"""The app: the secret, what it remembers, and its counters."""

import asyncio
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI, AuthenticationError

from entrepot.sandbox.app import Sandbox
from tests.vendors import Vendor, running_sandbox

BODY: Any = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hi"}]}


async def test_only_the_secret_opens(sandbox_vendor: Vendor) -> None:
    async with AsyncOpenAI(base_url=sandbox_vendor.base_url, api_key="sk-wrong", max_retries=0) as sdk:
        with pytest.raises(AuthenticationError) as caught:
            await sdk.models.list()
    assert caught.value.code == "invalid_api_key"


async def test_the_secret_is_asked_for_before_the_body(sandbox_vendor: Vendor) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox_vendor.port)
    writer.write(
        b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer wrong\r\ncontent-length: 100000000\r\n\r\n{"
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()
    assert not sandbox_vendor.app.seen


async def test_without_a_secret_it_is_open() -> None:
    async with running_sandbox(secret=None) as vendor, httpx.AsyncClient(base_url=vendor.origin, trust_env=False) as http:
        assert (await http.get("/models")).status_code == 200


async def test_what_the_vendor_saw(sandbox_vendor: Vendor, http: httpx.AsyncClient) -> None:
    await http.post("/chat/completions?a=1", json=BODY, headers={"x-mine": "yes"})
    (seen,) = sandbox_vendor.app.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/v1/chat/completions", b"a=1")
    assert seen.json == BODY
    assert seen.header("x-mine") == "yes"
    assert seen.header("x-other") is None
    sandbox_vendor.app.forget()
    assert not sandbox_vendor.app.seen
    assert sandbox_vendor.app.requests == 0


def test_in_production_nothing_is_remembered() -> None:
    assert Sandbox("secret").seen.maxlen == 0


async def test_a_client_that_leaves_is_counted(sandbox_vendor: Vendor, sdk: AsyncOpenAI) -> None:
    app = sandbox_vendor.app
    streams = [
        await sdk.chat.completions.create(model="story:10000@100", messages=BODY["messages"], stream=True) for _ in range(3)
    ]
    await sandbox_vendor.until(lambda app: app.open_streams == 3)
    for stream in streams:
        await stream.close()
    await sandbox_vendor.until(lambda app: app.open_streams == 0)
    assert (app.aborted, app.finished, app.torn) == (3, 0, 0)


async def test_a_client_that_leaves_a_slow_whole_answer(sandbox_vendor: Vendor, http: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await http.post("/chat/completions", json={**BODY, "model": "echo!slow=60"}, timeout=0.2)
    await sandbox_vendor.until(lambda app: app.aborted == 1)


async def test_answers_to_their_end_are_counted(sandbox_vendor: Vendor, http: httpx.AsyncClient) -> None:
    await http.post("/chat/completions", json=BODY)
    await http.post("/chat/completions", json={**BODY, "stream": True})
    await http.post("/chat/completions", json={**BODY, "model": "nobody"})
    assert sandbox_vendor.app.finished == sandbox_vendor.app.requests == 3


async def test_a_body_in_pieces(http: httpx.AsyncClient) -> None:
    async def pieces() -> Any:
        for piece in (b'{"model":"echo",', b'"messages":[{"role":"user",', b'"content":"Hi"}]}'):
            yield piece
            await asyncio.sleep(0.01)

    response = await http.post("/chat/completions", content=pieces())
    assert response.json()["choices"][0]["message"]["content"] == "Hi"


async def test_a_body_too_large() -> None:
    app = Sandbox(max_body=50_000)
    async with running_sandbox(None, app=app) as vendor, httpx.AsyncClient(base_url=vendor.origin, trust_env=False) as http:
        response = await http.post("/chat/completions", content=b"x" * 50_001)
        assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")
        assert (await http.post("/chat/completions", content=b"x" * 50_000)).status_code == 400


async def test_a_client_that_leaves_in_its_body(sandbox_vendor: Vendor) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", sandbox_vendor.port)
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {sandbox_vendor.secret}\r\n"
    writer.write(head.encode() + b"content-length: 100\r\n\r\n{")
    await sandbox_vendor.until(lambda app: app.requests == 1)
    writer.close()
    await sandbox_vendor.until(lambda app: app.aborted == 1)


async def test_lifespan_is_answered() -> None:
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    said: list[str] = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        said.append(message["type"])

    await Sandbox()({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
