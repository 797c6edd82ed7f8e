"""A request's head, read once: who calls, with what key, from where; and its body, within limits."""

import asyncio
from urllib.parse import parse_qs

import msgspec

from entrepot.access.networks import client_address
from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Headers
from entrepot.gateway.cycle import Cycle
from entrepot.kit.headtext import NO_HEAD, HeadText, Names

BODY_SECONDS = 300.0
"""For a whole body. The silence between two pieces is bounded by the edge; this ends a client that drips."""

_FORWARDED_FOR = b"x-forwarded-for"
_KEY_HEADERS = (b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key")
_SESSION_HEADERS = (b"x-session-id", b"session_id", b"session-id", b"x-claude-code-session-id", b"x-session-affinity")
"""`session_id` and `session-id` are Codex's."""
_SESSIONS = frozenset(_SESSION_HEADERS)
READ = Names(
    *_KEY_HEADERS, *_SESSION_HEADERS, _FORWARDED_FOR, b"content-length", b"x-request-id", b"x-entrepot-strict",
    b"x-sandbox-fault", b"host", b"expect", b"transfer-encoding",
)  # fmt: skip
"""What is read of a request's head, here and at the edge."""


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
    passed: Headers = ()
    """Headers that a vendor is to get as they came, several lines as one list."""
    session: bytes = b""


def read_head(cycle: Cycle, trusted_proxies: tuple[str, ...], passes: tuple[bytes, ...] = ()) -> Head:
    """What we need of the headers, which nobody can ask after this. `passes` are those that a vendor is to get."""
    text, cycle.head = cycle.head, NO_HEAD  # half a kilobyte that nobody needs while a stream is open
    peer = cycle.client[0] if cycle.client else "127.0.0.1"
    # Lines of a list are one list (RFC 9110, 5.3): what stands last is the proxy's.
    if trusted_proxies and (forwarded := b",".join(text.all(_FORWARDED_FOR))):
        peer = client_address(peer, forwarded.decode("latin-1"), trusted_proxies)
    length = text.get(b"content-length")
    client_id = text.get(b"x-request-id")
    return Head(
        secret=_secret(text, cycle.query),
        address=peer,
        length=int(length) if length is not None and length.isdigit() else None,
        client_id=client_id[:128].decode("latin-1") if client_id else None,
        strict=text.get(b"x-entrepot-strict") == b"1",
        sandbox_fault=text.get(b"x-sandbox-fault") or b"",
        passed=tuple((name, b",".join(lines)) for name in passes if (lines := text.all(name))) if passes else (),
        session=_session(text) if text.has(_SESSIONS) else b"",
    )


def _session(text: HeadText) -> bytes:
    """What the client calls its session, in any of the ways that clients have."""
    for name in _SESSION_HEADERS:
        if value := text.get(name):
            return value[:128]
    return b""


def _secret(text: HeadText, query: bytes) -> str | None:
    """The key, from wherever the vendors' SDKs put it; `?key=` last, as Gemini's clients send it."""
    for name in _KEY_HEADERS:
        if value := text.get(name):
            secret = value.decode("latin-1").strip()
            if name == b"authorization" and secret[:6].lower() == "bearer" and not secret[6:7].strip():
                secret = secret[6:].strip()
            if secret:
                return secret
    if b"key=" in query:
        return next(iter(parse_qs(query.decode("latin-1")).get("key", [])), None)
    return None


async def read_body(cycle: Cycle, head: Head, limit: int, seconds: float = BODY_SECONDS) -> bytes:
    """The whole body, of `limit` bytes at most, within `seconds`. Raises Fault(BODY_TOO_LARGE | SLOW_CLIENT | CLIENT_LEFT)."""
    if head.length is not None and head.length > limit:
        raise _too_large(limit)
    if not (cycle.more_body or cycle.gone):  # it came with the head: no timer for that
        body = cycle.take()
        if len(body) > limit:
            raise _too_large(limit)
        return body
    try:
        async with asyncio.timeout(seconds):
            return await _all_of(cycle, limit)
    except TimeoutError:
        raise Fault(Kind.SLOW_CLIENT, f"The request body did not arrive within {seconds:g} seconds.") from None


async def _all_of(cycle: Cycle, limit: int) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        if cycle.gone:
            raise Fault(Kind.CLIENT_LEFT)
        more = cycle.more_body
        pieces.append(cycle.take())
        size += len(pieces[-1])
        if size > limit:
            raise _too_large(limit)
        if more:
            await cycle.arrival()
    return b"".join(pieces)


def _too_large(limit: int) -> Fault:
    return Fault(Kind.BODY_TOO_LARGE, f"The request body is over the limit of {limit // (1024 * 1024)} MiB.")
