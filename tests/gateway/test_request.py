"""Heads and bodies: where keys may stand, how large a body may be."""

import asyncio

import pytest

from entrepot.core.faults import Fault, Kind
from entrepot.gateway.cycle import Cycle
from entrepot.gateway.request import READ, Head, read_body, read_head
from entrepot.kit.headtext import HeadText


class Client:
    """A client's connection that gives a piece of body when one is wanted; after the last it ends, or leaves."""

    full = False
    date = b"date: now"

    def __init__(self, *pieces: bytes, end: bool = True, pause: float = 0.0) -> None:
        self.transport = asyncio.Transport()
        self.pieces = list(pieces)
        self.end = end
        self.pause = pause
        self.cycle = Cycle(self, HeadText(b"POST / HTTP/1.1\r\n\r\n", READ), None, old=False, keep_alive=True)

    async def drain(self) -> None: ...

    def wanted(self) -> None:
        asyncio.get_running_loop().call_later(self.pause, self.give)

    def give(self) -> None:
        if not self.pieces:
            self.cycle.lose("left")
            return
        self.cycle.add(self.pieces.pop(0))
        self.cycle.more_body = bool(self.pieces) or not self.end
        self.cycle.wake()

    def cut(self, cycle: Cycle) -> None: ...

    def answered(self, cycle: Cycle) -> None: ...


def asked(
    *headers: tuple[str, str],
    query: bytes = b"",
    client: tuple[str, int] | None = ("192.0.2.1", 5),
    trusted: tuple[str, ...] = (),
) -> Head:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    text = HeadText(b"GET /?%b HTTP/1.1\r\n%b\r\n" % (query, lines.encode()), READ)
    return read_head(Cycle(Client(), text, client, old=False, keep_alive=True), trusted)


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
    assert asked(*headers, query=query).secret == secret


def test_other_facts() -> None:
    head = asked(
        ("content-length", "12"), ("X-Request-Id", "mine"), ("x-entrepot-strict", "1"), ("x-forwarded-for", "198.51.100.7")
    )
    assert (head.address, head.length, head.client_id, head.strict) == ("192.0.2.1", 12, "mine", True)
    assert asked(("x-forwarded-for", "198.51.100.7"), trusted=("192.0.2.0/24",)).address == "198.51.100.7"
    assert asked(client=None).address == "127.0.0.1"


@pytest.mark.parametrize("name", ["x-session-id", "Session_Id", "session-id", "X-Claude-Code-Session-Id", "x-session-affinity"])
def test_what_clients_call_their_session(name: str) -> None:
    assert asked((name, "s-1")).session == b"s-1"
    assert len(asked((name, "s" * 1000)).session) == 128


def test_a_session_that_is_none() -> None:
    assert asked(("x-other", "my session")).session == b""
    assert asked().session == b""


def test_several_lines_of_forwarded_for_are_one_list() -> None:
    lines = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "192.0.2.9")]
    assert asked(*lines, trusted=("192.0.2.0/24",)).address == "198.51.100.7"
    assert asked(*lines[:2], trusted=("192.0.2.0/24",)).address == "198.51.100.7"
    assert asked(("authorization", "sk-1"), ("authorization", "sk-2")).secret == "sk-1"


def arriving(*pieces: bytes, end: bool = True) -> Cycle:
    """A request whose first piece of body has come."""
    client = Client(*pieces, end=end)
    client.give()
    return client.cycle


def head(length: int | None = None) -> Head:
    return Head(None, "192.0.2.1", length, None, strict=False, sandbox_fault=b"")


async def test_bodies() -> None:
    assert await read_body(arriving(b"abc"), head(3), 10) == b"abc"
    assert await read_body(arriving(b"ab", b"cd", b"ef"), head(), 10) == b"abcdef"


@pytest.mark.parametrize(
    ("pieces", "end", "length", "kind"),
    [
        ((b"",), True, 11, Kind.BODY_TOO_LARGE),
        ((b"x" * 11,), True, None, Kind.BODY_TOO_LARGE),
        ((b"x" * 6, b"x" * 6), True, None, Kind.BODY_TOO_LARGE),
        ((b"x",), False, None, Kind.CLIENT_LEFT),
    ],
)
async def test_bodies_that_are_refused(pieces: tuple[bytes, ...], end: bool, length: int | None, kind: Kind) -> None:
    with pytest.raises(Fault) as caught:
        await read_body(arriving(*pieces, end=end), head(length), 10)
    assert caught.value.kind is kind


async def test_a_body_that_drips_has_an_end() -> None:
    client = Client(*[b"x"] * 1000, pause=0.01)
    client.give()
    with pytest.raises(Fault, match=r"within 0\.1 seconds") as caught:
        await read_body(client.cycle, head(), 10_000, 0.1)
    assert caught.value.kind is Kind.SLOW_CLIENT
    assert len(client.pieces) < 998
