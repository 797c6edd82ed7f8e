"""Vendors that speak OpenAI's format and differ in nothing but data: one row each in compatible.toml.

A row may say that the vendor speaks Anthropic's dialect too (messages.py). Which one a call takes is its operation's: what
a client speaks is forwarded where the vendor speaks it.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.provider import StreamUsage
from entrepot.core.route import Route
from entrepot.providers.addresses import normal
from entrepot.providers.messages import Messages
from entrepot.providers.requests import COMMON, merged, target

PATHS: Final[Mapping[Operation, str]] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "moderations": "/moderations",
    "responses": "/responses",
}


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
    caps: dict[str, str] = {}
    """Name of the field that caps a chat answer, by model pattern, where it is not `max_tokens`."""
    models: tuple[str, ...] = ()
    """Model patterns of a channel that is made without any."""
    models_path: str = "/models"
    """Listing of models; empty where there is none."""
    keyless: bool = False
    """May be used without a key."""
    docs: str = ""
    """Where these facts come from."""
    messages: Messages | None = None
    """Anthropic's dialect, where the vendor speaks it beside this one."""
    tested: str = ""
    """The recording or documented example that the tests replay; empty means unverified."""

    @property
    def all_operations(self) -> tuple[Operation, ...]:
        """Those of both dialects."""
        return (*self.operations, *(self.messages.operations if self.messages else ()))


class Compatible:
    """A vendor described by a row (contract: core/provider.py, Provider)."""

    __slots__ = (
        *("_auth", "_bases", "_messages", "_paths", "_prefix"),
        *("caps", "drop", "name", "operations", "plain", "row", "stream_usage", "thinking_field"),
    )

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row
        self._messages = row.messages or Messages(operations=())
        self.operations: frozenset[Operation] = frozenset(row.all_operations)
        self._bases = tuple(urlsplit(url).path for url in (row.base_url, *row.other_urls))
        self.stream_usage: StreamUsage = row.stream_usage
        self.drop = frozenset(row.drop)
        self.plain = row.plain
        self.thinking_field = row.thinking_field
        self.caps: Mapping[str, str] = row.caps
        self._paths = {operation: row.paths.get(operation, PATHS[operation]) for operation in row.operations}
        self._auth = b"authorization" if row.auth == "bearer" else row.auth.lower().encode()
        self._prefix = "Bearer " if row.auth == "bearer" else ""

    def base_url(self, given: str) -> str:
        """The base URL to use for what an operator gave. Raises ValueError."""
        text, other = given.strip().rstrip("/"), self._messages.path
        if other and text.endswith(other):
            # Pasted from the vendor's page on Anthropic's dialect: the channel needs the one that both are found from.
            given = text.removesuffix(other)
        return normal(given, self.row.base_url, self.row.other_urls, self.row.bare_path)

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers, *, stream: bool = False) -> Request:
        """Describe the call. Its body is all that is new each time."""
        del stream
        known = None if extra else route.described.get(operation)
        if known is None:
            known = self._described(route, operation, extra)
            if not extra:
                route.described[operation] = known
        return Request(b"POST", known.origin, known.target, known.headers, body)

    def _described(self, route: Route, operation: Operation, extra: Headers) -> Request:
        path = self._paths.get(operation)
        if path is None:
            return self._messages.request(route, self._bases, operation, b"", extra)
        return Request(b"POST", route.origin, target(route, path), self._headers(route, extra))

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
