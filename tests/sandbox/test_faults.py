"""Faults: how they are asked for, and what each one does on the wire."""

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from openai import APIError, APIStatusError, AsyncOpenAI, RateLimitError

from entrepot.kit import json
from entrepot.sandbox import faults as module
from entrepot.sandbox.answers import Refusal
from entrepot.sandbox.faults import NONE, Faults, read
from tests.vendors import Vendor

HELLO: Any = [{"role": "user", "content": "one two three four five six seven"}]


def asking(model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": HELLO, **fields}


async def raw(vendor: Vendor, model: str, *, stream: bool = False, seconds: float = 2.0) -> tuple[bytes, str]:
    """Everything that came over the wire, and how it ended: `eof`, `reset` or `silence`."""
    body = json.encode(asking(model, stream=stream))
    reader, writer = await asyncio.open_connection("127.0.0.1", vendor.port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {vendor.secret}\r\n"
    writer.write(head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body)
    got, end = b"", "eof"
    try:
        async with asyncio.timeout(seconds):
            while data := await reader.read(65_536):
                got += data
    except TimeoutError:
        end = "silence"
    except ConnectionResetError:
        end = "reset"
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return got, end


async def said_before_error(sdk: AsyncOpenAI, model: str) -> str:
    """What a stream says until the SDK raises; fails where it does not."""
    said = ""
    try:
        async for chunk in await sdk.chat.completions.create(model=model, messages=HELLO, stream=True):
            said += chunk.choices[0].delta.content or ""
    except APIError:
        return said
    pytest.fail("the SDK saw no error")


# --- how they are asked for ---


@pytest.mark.parametrize(
    ("suffix", "header", "expected"),
    [
        ("", "", NONE),
        ("429", "", Faults(status=429)),
        ("429!retry-after=2!once", "", Faults(status=429, retry_after=2, first=1)),
        ("", "429; retry-after=2", Faults(status=429, retry_after=2)),
        ("cut", "crlf, slow=0.5", Faults(cut=3, crlf=True, slow=0.5)),
        ("late-error=0!id=a b", "", Faults(late_error=0, id="a b")),
        ("no-usage!no-done!first=2", "", Faults(no_usage=True, no_done=True, first=2)),
    ],
)
def test_faults_are_read(suffix: str, header: str, expected: Faults) -> None:
    assert read(suffix, header) == expected


@pytest.mark.parametrize(
    "suffix", ["explode", "cut=soon", "200", "600", "slow=-1", "slow=nan", "big=99999999999", "status=x", "frame=8388609"]
)
def test_what_is_no_fault(suffix: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(suffix)
    assert json.decode(caught.value.answer().body)["error"]["code"] == "unknown_fault"


async def test_the_largest_frame(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json=asking(f"echo!frame={module.MAX_FRAME}", stream=True))
    assert max(map(len, response.content.split(b"\n\n"))) > module.MAX_FRAME


async def test_the_header_works_too(http: httpx.AsyncClient) -> None:
    headers = {"x-sandbox-fault": "503; retry-after=7"}
    for response in (
        await http.post("/chat/completions", json=asking("echo"), headers=headers),
        await http.get("/models", headers=headers),
        await http.post("/embeddings", json={"model": "embed", "input": "x"}, headers=headers),
    ):
        assert (response.status_code, response.headers["retry-after"]) == (503, "7")


# --- instead of an answer ---


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_status(sdk: AsyncOpenAI, status: int, stream: bool) -> None:
    with pytest.raises(APIStatusError) as caught:
        await sdk.chat.completions.create(model=f"sandbox/echo!{status}", messages=HELLO, stream=stream)
    assert caught.value.status_code == status
    assert caught.value.body is not None
    assert caught.value.response.headers.get("retry-after") == ("1" if status == 429 else None)


async def test_retry_after_in_both_forms(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json=asking("echo!429!retry-after-ms=250"))
    assert response.headers["retry-after-ms"] == "250"
    assert "retry-after" not in response.headers
    response = await http.post("/chat/completions", json=asking("echo!503!retry-after=0.5"))
    assert response.headers["retry-after"] == "0.5"


async def test_quota(sdk: AsyncOpenAI) -> None:
    with pytest.raises(RateLimitError) as caught:
        await sdk.chat.completions.create(model="echo!quota", messages=HELLO)
    assert caught.value.code == "insufficient_quota"
    assert "retry-after" not in caught.value.response.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_silence(sandbox_vendor: Vendor, stream: bool) -> None:
    assert await raw(sandbox_vendor, "echo!silence", stream=stream, seconds=0.3) == (b"", "silence")
    await sandbox_vendor.until(lambda app: app.aborted == 1 and app.open_streams == 0)


async def test_reset_at_once_and_later(sandbox_vendor: Vendor) -> None:
    assert await raw(sandbox_vendor, "echo!reset") == (b"", "reset")
    assert (await raw(sandbox_vendor, "story:100@50!reset=3", stream=True))[1] == "reset"
    assert (await raw(sandbox_vendor, "echo!reset=1"))[1] == "reset"
    await sandbox_vendor.until(lambda app: app.torn == 3 and app.open_streams == 0)


async def test_garbage(sandbox_vendor: Vendor, http: httpx.AsyncClient) -> None:
    got, end = await raw(sandbox_vendor, "echo!garbage")
    assert (got[:1], end) == (b"\x16", "eof")
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post("/chat/completions", json=asking("echo!garbage"))


@pytest.mark.parametrize("stream", [False, True])
async def test_empty(http: httpx.AsyncClient, stream: bool) -> None:
    response = await http.post("/chat/completions", json=asking("echo!empty", stream=stream))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("text/event-stream" if stream else "application/json")


@pytest.mark.parametrize("stream", [False, True])
async def test_html(http: httpx.AsyncClient, stream: bool) -> None:
    response = await http.post("/chat/completions", json=asking("echo!html", stream=stream))
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.text.startswith("<!doctype")


async def test_lie(http: httpx.AsyncClient, sdk: AsyncOpenAI) -> None:
    response = await http.post("/chat/completions", json=asking("echo!lie"))
    assert response.status_code == 200
    assert response.json()["error"]["type"] == "server_error"
    assert await said_before_error(sdk, "echo!lie") == ""


# --- while it answers ---


@pytest.mark.parametrize("stream", [False, True])
async def test_slow_and_pause(http: httpx.AsyncClient, stream: bool) -> None:
    for model, head_is_late in (("echo!slow=0.3", True), ("echo!pause=0.3", False)):
        begun = time.monotonic()
        async with http.stream("POST", "/chat/completions", json=asking(model, stream=stream)) as response:
            head = time.monotonic() - begun
            await response.aread()
        assert (head > 0.28) == head_is_late
        assert 0.28 < time.monotonic() - begun < 2
        assert b"seven" in response.content


async def test_stall(sandbox_vendor: Vendor) -> None:
    got, end = await raw(sandbox_vendor, "echo!stall=2", stream=True, seconds=0.3)
    assert (got.count(b"data: "), end) == (2, "silence")
    got, end = await raw(sandbox_vendor, "echo!stall", seconds=0.3)
    head, _, body = got.partition(b"\r\n\r\n")
    assert end == "silence"
    assert b"content-length: %d" % (2 * len(body)) in head or b"content-length: %d" % (2 * len(body) + 1) in head
    await sandbox_vendor.until(lambda app: app.aborted == 2 and app.open_streams == 0)


async def test_cut(sandbox_vendor: Vendor, http: httpx.AsyncClient) -> None:
    for stream in (False, True):
        got, end = await raw(sandbox_vendor, "echo!cut=2", stream=stream)
        assert end == "eof"
        assert got.count(b"data: ") == (2 if stream else 0)
        assert not got.endswith(b"0\r\n\r\n")
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post("/chat/completions", json=asking("echo!cut=2", stream=stream))
    await sandbox_vendor.until(lambda app: app.torn == 4)


async def test_a_cut_beyond_the_end_still_cuts(sandbox_vendor: Vendor) -> None:
    got, end = await raw(sandbox_vendor, "echo!cut=1000", stream=True)
    assert end == "eof"
    assert b"[DONE]" in got
    assert not got.endswith(b"0\r\n\r\n")


async def test_late_error(sdk: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    assert await said_before_error(sdk, "echo!late-error=3") == "one two"
    response = await http.post("/chat/completions", json=asking("echo!late-error=3", stream=True))
    assert b"[DONE]" not in response.content


async def test_malformed(http: httpx.AsyncClient) -> None:
    response = await http.post("/chat/completions", json=asking("echo!malformed=2", stream=True))
    frames = response.content.split(b"\n\n")
    with pytest.raises(json.JsonError):
        json.decode(frames[2].removeprefix(b"data: "))
    json.decode(frames[3].removeprefix(b"data: "))
    assert frames[-2:] == [b"data: [DONE]", b""]
    response = await http.post("/chat/completions", json=asking("echo!malformed"))
    with pytest.raises(json.JsonError):
        json.decode(response.content)


async def test_what_is_left_out(http: httpx.AsyncClient) -> None:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    response = await http.post("/chat/completions", json=asking("echo!no-done", **options))
    assert response.content.endswith(b"}\n\n")
    assert b'"total_tokens"' in response.content
    response = await http.post("/chat/completions", json=asking("echo!no-usage", **options))
    assert b'"total_tokens"' not in response.content
    assert response.content.endswith(b"data: [DONE]\n\n")
    assert "usage" not in (await http.post("/chat/completions", json=asking("echo!no-usage"))).json()


async def test_comments_and_line_ends(http: httpx.AsyncClient) -> None:
    plain = await http.post("/chat/completions", json=asking("echo", stream=True))
    comments = await http.post("/chat/completions", json=asking("echo!keepalive!crlf", stream=True))
    assert comments.content.count(b": keep-alive\r\n\r\n") == plain.content.count(b"data: ") == 10
    assert comments.content.count(b"\n") == comments.content.count(b"\r\n")
    waiting = await http.post("/chat/completions", json=asking("echo!keepalive!pause=0.05", stream=True))
    assert waiting.content.startswith(b": keep-alive\n\n: keep-alive\n\ndata: ")


async def test_slowdrip(http: httpx.AsyncClient) -> None:
    whole = await http.post("/chat/completions", json=asking("echo"))
    begun = time.monotonic()
    async with http.stream("POST", "/chat/completions", json=asking("echo!slowdrip=2000")) as response:
        pieces = [piece async for piece in response.aiter_raw()]
    assert len(pieces) > 3
    assert len(b"".join(pieces)) == len(whole.content) + len("!slowdrip=2000")
    assert time.monotonic() - begun == pytest.approx(len(whole.content) / 2000, abs=0.25)


# --- how often ---


async def test_first_and_once(http: httpx.AsyncClient) -> None:
    async def statuses(*models: str) -> list[int]:
        return [(await http.post("/chat/completions", json=asking(model))).status_code for model in models]

    assert await statuses(*["echo!500!first=2"] * 4) == [500, 500, 200, 200]
    assert await statuses(*["echo!429!once"] * 2) == [429, 200]
    assert await statuses("echo!500!once!id=a", "echo!500!once!id=b", "story:1!500!once!id=a") == [500, 500, 200]


def test_every_fault_is_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")
    names = [field.encode_name for field in msgspec.structs.fields(Faults) if field.name != "status"]
    for name in names:
        assert f"`{name}=" in manual or f"`{name}`" in manual, name
        assert f" {name}" in (module.__doc__ or ""), name
