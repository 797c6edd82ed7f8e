"""A request to a vendor as a value: providers describe it, only `upstream/` sends it."""

from typing import TypeAlias
from urllib.parse import urlsplit

import msgspec

Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]
"""Header pairs, names in lower case, order kept."""


class Origin(msgspec.Struct, frozen=True, gc=False):
    """Where a connection goes. Equal origins share connections."""

    scheme: str
    """`http`, `https` or `unix` (then `host` is the socket's path)."""
    host: str
    port: int
    proxy: str | None = None
    """`http://…`, `https://…` (CONNECT) or `socks5://…`, `socks5h://…`, with optional user:password@."""

    @property
    def authority(self) -> str:
        """Value of the `host` header."""
        if self.scheme == "unix":
            return "localhost"
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = 443 if self.scheme == "https" else 80
        return host if self.port == default else f"{host}:{self.port}"


class Timeouts(msgspec.Struct, frozen=True, gc=False):
    """Seconds a vendor may take; None means no bound."""

    connect: float = 10.0
    first_byte: float | None = 600.0
    """From the request's last byte to the answer's first."""
    idle: float | None = 300.0
    """Between two reads of the answer."""
    total: float | None = 3600.0


class Request(msgspec.Struct, frozen=True):
    """One HTTP request to one origin."""

    method: bytes
    origin: Origin
    target: bytes
    """Path and query, as it stands on the request line."""
    headers: Headers
    body: bytes = b""


class BadUrlError(ValueError):
    """Not an absolute http(s) URL."""


def parse_origin(url: str, proxy: str | None = None) -> tuple[Origin, str, str]:
    """Origin, path (no slash at its end) and query of an absolute URL. Raises BadUrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrlError(str(error)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadUrlError(f"not an http(s) URL: {url!r}")
    if parts.username or parts.password:
        raise BadUrlError("credentials do not belong into a URL")
    origin = Origin(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), proxy or None)
    return origin, parts.path.rstrip("/"), parts.query
