"""Anthropic's dialect at a vendor: where it is spoken, and how the key is shown. Many vendors speak it beside OpenAI's.

Base URLs are what Anthropic's SDK takes: without `/v1`, which belongs to the path of an operation.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.route import Route
from entrepot.providers.addresses import without_version
from entrepot.providers.requests import COMMON, merged, target

PATHS: Final[Mapping[Operation, str]] = {
    "messages": "/v1/messages",
    "count_tokens": "/v1/messages/count_tokens",
}
VERSION: Final = (b"anthropic-version", b"2023-06-01")
"""Sent where the client names none; the only version there is. Source: platform.claude.com/docs, "Versions"."""
_BETA: Final = b"anthropic-beta"


class Messages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one vendor speaks Anthropic's dialect."""

    path: str | None = None
    """Path of its base URL for this dialect, in place of the other one's; None: the same address, version and all."""
    operations: tuple[Operation, ...] = ("messages",)
    auth: str = "x-api-key"
    """`bearer`, or the name of the header that takes the bare key."""
    docs: str = ""
    """Where this was read."""

    def request(self, route: Route, paths: tuple[str, ...], operation: Operation, body: bytes, extra: Headers) -> Request:
        """Describe the call. `paths` are those of the vendor's other base URLs, of which the route has one."""
        prefix = without_version(route.prefix)
        if self.path is not None:
            own = max((path for path in paths if path and route.prefix.endswith(path)), key=len, default=None)
            prefix = (prefix if own is None else route.prefix.removesuffix(own)) + self.path
        return Request(b"POST", route.origin, target(route, PATHS[operation], prefix), self.headers(route, extra), body)

    def headers(self, route: Route, extra: Headers) -> Headers:
        """The key, the version, and what client and channel send."""
        ours = (*self._key(route.secret), *COMMON, VERSION)
        if not route.headers:
            return merged(ours, (), extra) if extra else ours
        return merged(ours, route.headers, _joined(route.headers, extra))

    def _key(self, secret: str) -> Headers:
        if not secret:
            return ()
        if self.auth == "bearer":
            return ((b"authorization", b"Bearer " + secret.encode()),)
        return ((self.auth.encode(), secret.encode()),)


def _joined(channel: Headers, extra: Headers) -> Headers:
    """The client's headers, with the betas of the channel among its own: one does not take the other away."""
    betas = [value for name, value in (*channel, *extra) if name == _BETA]
    if len(betas) < 2:
        return extra
    return (*(pair for pair in extra if pair[0] != _BETA), (_BETA, b",".join(betas)))
