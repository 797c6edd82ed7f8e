"""Heads and bodies: where keys may stand, how large a body may be."""

import asyncio
from typing import Any

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.request import Head, read_body, read_head


def scope(*headers: tuple[str, str], query: bytes = b"", client: tuple[str, int] | None = ("192.0.2.1", 5)) -> dict[str, Any]:
    return {"headers": [(n.encode(), v.encode()) for n, v in headers], "query_string": query, "client": client}


@pytest.mark.parametrize(
    ("headers", "query", "secret"),
    [
        ([("authorization", "Bearer sk-1")], b"", "sk-1"),
        ([("authorization", "bearer  sk-1 ")], b"", "sk-1"),
        ([("authorization", "sk-1")], b"", "sk-1"),
        ([("x-api-key", "sk-2")], b"", "sk-2"),
        ([("api-key", "sk-3")], b"", "sk-3"),
        ([("x-goog-api-key", "sk-4")], b"", "sk-4"),
        ([], b"a=1&key=sk-5", "sk-5"),
        ([("x-api-key", "sk-2"), ("authorization", "Bearer sk-1")], b"key=sk-5", "sk-1"),
        ([("authorization", "Bearer "), ("x-api-key", "sk-2")], b"", "sk-2"),
        ([], b"monkey=1", None),
        ([], b"", None),
    ],
)
def test_where_a_key_may_stand(headers: list[tuple[str, str]], query: bytes, secret: str | None) -> None:
    assert read_head(scope(*headers, query=query), ()).secret == secret


def test_other_facts() -> None:
    head = read_head(
        scope(
            ("content-length", "12"), ("x-request-id", "mine"), ("x-entrepot-strict", "1"), ("x-forwarded-for", "198.51.100.7")
        ),
        (),
    )
    assert (head.address, head.length, head.client_id, head.strict) == ("192.0.2.1", 12, "mine", True)
    assert read_head(scope(("x-forwarded-for", "198.51.100.7")), ("192.0.2.0/24",)).address == "198.51.100.7"
    assert read_head(scope(client=None), ()).address == "127.0.0.1"


def test_several_lines_of_forwarded_for_are_one_list() -> None:
    lines = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "192.0.2.9")]
    assert read_head(scope(*lines), ("192.0.2.0/24",)).address == "198.51.100.7"
    assert read_head(scope(*lines[:2]), ("192.0.2.0/24",)).address == "198.51.100.7"
    assert read_head(scope(("authorization", "sk-1"), ("authorization", "sk-2")), ()).secret == "sk-1"


def messages(*pieces: bytes, end: bool = True) -> Any:
    queue: list[dict[str, Any]] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if end:
        queue[-1]["more_body"] = False
    queue.append({"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return queue.pop(0)

    return receive


def head(length: int | None = None) -> Head:
    return Head(None, "192.0.2.1", length, None, strict=False, sandbox_fault=b"")


async def test_bodies() -> None:
    assert await read_body(messages(b"abc"), head(3), 10) == b"abc"
    assert await read_body(messages(b"ab", b"cd", b"ef"), head(), 10) == b"abcdef"


@pytest.mark.parametrize(
    ("receive", "length", "kind"),
    [
        (messages(b""), 11, Kind.BODY_TOO_LARGE),
        (messages(b"x" * 11), None, Kind.BODY_TOO_LARGE),
        (messages(b"x" * 6, b"x" * 6), None, Kind.BODY_TOO_LARGE),
        (messages(b"x", end=False), None, Kind.CLIENT_LEFT),
    ],
)
async def test_bodies_that_are_refused(receive: Any, length: int | None, kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        await read_body(receive, head(length), 10)
    assert caught.value.kind is kind


async def test_a_body_that_drips_has_an_end() -> None:
    pieces = 0

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        await asyncio.sleep(0.01)
        pieces += 1
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(Fault, match=r"within 0\.1 seconds") as caught:
        await read_body(receive, head(), 10_000, 0.1)
    assert caught.value.kind is Kind.SLOW_CLIENT
    assert pieces > 2
