"""A request's head, read once: who calls, with what key, from where; and its body, within limits."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias
from urllib.parse import parse_qs

import msgspec

from entrepot.access.networks import client_address
from entrepot.core.faults import Fault, Kind

Scope: TypeAlias = Any
"""ASGI's scope: each server types it a little differently."""
Receive: TypeAlias = Callable[[], Awaitable[Any]]

BODY_SECONDS = 300.0
"""For a whole body. The silence between two pieces is bounded by the edge; this ends a client that drips."""

_FORWARDED_FOR = b"x-forwarded-for"
_KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
_READ = frozenset((*_KEY_HEADERS, b"content-length", b"x-request-id", _FORWARDED_FOR, b"x-entrepot-strict", b"x-sandbox-fault"))


class WrongMethod(Fault):
    """A path that takes other methods; `allow` names them, as a 405 must (RFC 9110, 15.5.6)."""

    def __init__(self, path: str, allow: str) -> None:
        super().__init__(Kind.WRONG_METHOD, f"{path} takes {allow}.")
        self.allow = allow


class Head(msgspec.Struct, frozen=True, gc=False):
    """What we read of a request's headers and query."""

    secret: str | None
    address: str
    length: int | None
    client_id: str | None
    strict: bool
    sandbox_fault: bytes


def read_head(scope: Scope, trusted_proxies: tuple[str, ...]) -> Head:
    """One pass over the headers."""
    fields: dict[bytes, bytes] = {}
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    for name, value in headers:
        if name in _READ:
            if name not in fields:
                fields[name] = value
            elif name == _FORWARDED_FOR:  # lines of a list are one list (RFC 9110, 5.3): what stands last is the proxy's
                fields[name] += b"," + value
    client = scope.get("client")
    peer: str = client[0] if client else "127.0.0.1"
    if trusted_proxies and (forwarded := fields.get(_FORWARDED_FOR)):
        peer = client_address(peer, forwarded.decode("latin-1"), trusted_proxies)
    length = fields.get(b"content-length")
    client_id = fields.get(b"x-request-id")
    return Head(
        secret=_secret(fields, scope),
        address=peer,
        length=int(length) if length is not None and length.isdigit() else None,
        client_id=client_id[:128].decode("latin-1") if client_id else None,
        strict=fields.get(b"x-entrepot-strict") == b"1",
        sandbox_fault=fields.get(b"x-sandbox-fault", b""),
    )


def _secret(fields: dict[bytes, bytes], scope: Scope) -> str | None:
    """The key, from wherever the vendors' SDKs put it; `?key=` last, as Gemini's clients send it."""
    for name in _KEY_HEADERS:
        if value := fields.get(name):
            text = value.decode("latin-1").strip()
            if name == b"authorization" and text[:6].lower() == "bearer" and not text[6:7].strip():
                text = text[6:].strip()
            if text:
                return text
    query: bytes = scope["query_string"]
    if b"key=" in query:
        return next(iter(parse_qs(query.decode("latin-1")).get("key", [])), None)
    return None


async def read_body(receive: Receive, head: Head, limit: int, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, of `limit` bytes at most, within `seconds`. Raises Fault(BODY_TOO_LARGE | SLOW_CLIENT | CLIENT_LEFT)."""
    if head.length is not None and head.length > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _all_of(receive, limit)
    except TimeoutError:
        raise Fault(Kind.SLOW_CLIENT, f"The request body did not arrive within {seconds:g} seconds.") from None


async def _all_of(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Fault(Kind.CLIENT_LEFT)
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > limit:
            raise _too_large(limit)
        more = message.get("more_body", False)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _too_large(limit: int) -> Fault:
    return Fault(Kind.BODY_TOO_LARGE, f"The request body is over the limit of {limit // (1024 * 1024)} MiB.")
