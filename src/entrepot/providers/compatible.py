"""Vendors that speak OpenAI's format and differ in nothing but data: one row each in compatible.toml."""

from collections.abc import Mapping
from typing import Final

import msgspec

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.provider import StreamUsage
from entrepot.core.route import Route
from entrepot.providers.addresses import normal

PATHS: Final[Mapping[Operation, str]] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "moderations": "/moderations",
}
COMMON: Headers = ((b"content-type", b"application/json"), (b"accept", b"*/*"), (b"user-agent", b"entrepot"))


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One vendor, as data."""

    label: str
    base_url: str = ""
    """What the vendor's own SDK takes; empty where each installation has its own."""
    other_urls: tuple[str, ...] = ()
    """More addresses of the same vendor (another region or brand)."""
    bare_path: str = ""
    """Path to add to a bare host, where there is no `base_url` to take it from."""
    aliases: tuple[str, ...] = ()
    operations: tuple[Operation, ...] = ("chat",)
    paths: dict[Operation, str] = {}
    """Paths behind the base URL, where they are not OpenAI's."""
    auth: str = "bearer"
    """`bearer`, or the name of the header that takes the bare key."""
    stream_usage: StreamUsage = "option"
    drop: tuple[str, ...] = ()
    """Top-level request fields that the vendor is documented to refuse."""
    plain: bool = True
    """Knows only the common core of OpenAI's format (for requests that are written by us)."""
    thinking_field: str = ""
    """The member of an assistant's message in which reasoning goes back; empty where the vendor wants none."""
    models: tuple[str, ...] = ()
    """Model patterns of a channel that is made without any."""
    models_path: str = "/models"
    """Listing of models; empty where there is none."""
    keyless: bool = False
    """May be used without a key."""
    docs: str = ""
    """Where these facts come from."""
    tested: str = ""
    """The recording or documented example that the tests replay; empty means unverified."""


class Compatible:
    """A vendor described by a row (contract: core/provider.py, Provider)."""

    __slots__ = ("_auth", "_paths", "_prefix", "drop", "name", "operations", "plain", "row", "stream_usage", "thinking_field")

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row
        self.operations: frozenset[Operation] = frozenset(row.operations)
        self.stream_usage: StreamUsage = row.stream_usage
        self.drop = frozenset(row.drop)
        self.plain = row.plain
        self.thinking_field = row.thinking_field
        self._paths = {operation: row.paths.get(operation, PATHS[operation]) for operation in row.operations}
        self._auth = b"authorization" if row.auth == "bearer" else row.auth.lower().encode()
        self._prefix = "Bearer " if row.auth == "bearer" else ""

    def base_url(self, given: str) -> str:
        """The base URL to use for what an operator gave. Raises ValueError."""
        return normal(given, self.row.base_url, self.row.other_urls, self.row.bare_path)

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers) -> Request:
        """Describe the call."""
        return Request(b"POST", route.origin, target(route, self._paths[operation]), self._headers(route, extra), body)

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of the vendor's models."""
        if not self.row.models_path:
            return None
        return Request(b"GET", route.origin, target(route, self.row.models_path), self._headers(route, ()))

    def _headers(self, route: Route, extra: Headers) -> Headers:
        if not route.secret:
            return merged(COMMON, route.headers, extra)
        key = (self._auth, (self._prefix + route.secret).encode())
        if not route.headers and not extra:
            return (key, *COMMON)
        return merged((key, *COMMON), route.headers, extra)


def target(route: Route, path: str) -> bytes:
    """The request line's target: the route's prefix, the operation's path, the route's query."""
    return f"{route.prefix}{path}?{route.query}".encode() if route.query else (route.prefix + path).encode()


def merged(ours: Headers, channel: Headers, extra: Headers) -> Headers:
    """All headers; a channel's own win over ours, `extra` over both."""
    over = {name for name, _ in extra}
    kept = [pair for pair in channel if pair[0] not in over]
    over.update(name for name, _ in channel)
    return (*(pair for pair in ours if pair[0] not in over), *kept, *extra)
