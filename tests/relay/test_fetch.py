"""Pictures by URL, from a real server: bounded, and never from inside unless the operator says so."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from entrepot.core.ask import Media
from entrepot.core.faults import Fault, Kind
from entrepot.relay.fetch import MAX_BYTES, Fetcher
from entrepot.upstream.client import Upstream
from entrepot.upstream.guard import Guard

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


@asynccontextmanager
async def fetching(answers: dict[str, bytes], *, inside: bool = True) -> AsyncIterator[tuple[Fetcher, str]]:
    """A fetcher, and the address of a server with these answers by path."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(answers[head.split()[1].decode()])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    upstream = Upstream(guard=Guard(("127.0.0.0/8",) if inside else ()))
    try:
        yield Fetcher(upstream), f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        await upstream.close()
        server.close()
        await server.wait_closed()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(lines).encode() + body


async def refused(fetcher: Fetcher, url: str) -> Fault:
    with pytest.raises(Fault) as raised:
        await fetcher.fetch([Media("image", url=url)])
    return raised.value


async def test_a_picture_comes_with_its_type() -> None:
    async with fetching({"/a?b=1": answer(PNG, "content-type: image/png; x=y")}) as (fetcher, base):
        wanted = Media("image", url=f"{base}/a?b=1", detail="low")
        found = (await fetcher.fetch([wanted, wanted]))[wanted]
        assert (found.mime, found.url, found.detail) == ("image/png", "", "low")
        assert b64decode(found.data) == PNG


async def test_inside_is_refused_also_by_name_and_redirect() -> None:
    async with fetching({}, inside=False) as (fetcher, base):
        for url in (f"{base}/x", base.replace("127.0.0.1", "localhost") + "/x", "http://169.254.169.254/latest/meta-data"):
            fault = await refused(fetcher, url)
            assert (fault.kind, fault.status) == (Kind.URL_NOT_ALLOWED, 400)
    async with fetching({"/go": answer(b"", "location: http://10.0.0.1/x", status="302 Found")}) as (fetcher, base):
        assert (await refused(fetcher, f"{base}/go")).kind is Kind.URL_NOT_ALLOWED


async def test_urls_of_other_scripts_are_escaped_and_broken_ones_refused() -> None:
    answers = {
        "/%C3%A9%20?x=%2F": answer(PNG, "content-type: image/png"),
        "/go": answer(b"", "location: //[", status="302 Found"),
    }
    async with fetching(answers) as (fetcher, base):
        wanted = Media("image", url=f"{base}/é ?x=%2F")
        assert b64decode((await fetcher.fetch([wanted]))[wanted].data) == PNG
        for url in (f"{base}/go", "http://[/x", "http://a:99999/x", f"{base.replace('//', '//user:secret@')}/x"):
            assert (await refused(fetcher, url)).kind is Kind.URL_NOT_FETCHED


async def test_a_redirect_is_followed_but_not_for_ever() -> None:
    moved = {"/go": answer(b"", "location: /a", status="302 Found"), "/a": answer(PNG, "content-type: image/png")}
    async with fetching({**moved, "/loop": answer(b"", "location: /loop", status="302 Found")}) as (fetcher, base):
        wanted = Media("image", url=f"{base}/go")
        assert b64decode((await fetcher.fetch([wanted]))[wanted].data) == PNG
        assert (await refused(fetcher, f"{base}/loop")).kind is Kind.URL_NOT_FETCHED


async def test_what_is_too_large_missing_or_no_picture_is_refused() -> None:
    large = f"HTTP/1.1 200 OK\r\ncontent-length: {MAX_BYTES + 1}\r\n\r\n".encode() + bytes(MAX_BYTES + 1)
    answers = {
        "/large": large,
        "/none": answer(b"", status="404 Not Found"),
        "/page": answer(b"<html>", "content-type: text/html"),
    }
    async with fetching(answers) as (fetcher, base):
        for path, word in (("/large", "larger"), ("/none", "404"), ("/page", "not a picture")):
            fault = await refused(fetcher, base + path)
            assert fault.kind is Kind.URL_NOT_FETCHED
            assert word in fault.message
        assert (await refused(fetcher, "ftp://x/y")).kind is Kind.URL_NOT_FETCHED
