"""Anthropic itself, and servers that speak nothing but its dialect: the key in `x-api-key`, the version in a header.

`base_url` is what Anthropic's SDK takes, without `/v1`; one that has it by mistake is understood.
Source: platform.claude.com/docs, "API overview", "List Models".
"""

from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.provider import StreamUsage
from entrepot.core.route import Route
from entrepot.providers.addresses import normal, without_version
from entrepot.providers.compatible import Row
from entrepot.providers.messages import Messages
from entrepot.providers.requests import target

_OPERATIONS: tuple[Operation, ...] = ("messages", "count_tokens")
_MODELS = "/v1/models"
ANTHROPIC = Row(
    label="Anthropic",
    base_url="https://api.anthropic.com",
    aliases=("claude",),
    operations=_OPERATIONS,
    models=("claude-*",),
    models_path=f"{_MODELS}?limit=1000",
    docs="https://platform.claude.com/docs/en/api/overview",
    tested="anthropic_messages, vercel_anthropic_messages, anthropic_count_tokens",
)
# Any other server of Messages, another relay included: the base URL says which.
OTHERS = Row(
    label="Anthropic-compatible",
    aliases=("claude-compatible",),
    operations=("messages",),
    models_path=_MODELS,
    keyless=True,
)


class Anthropic:
    """A vendor of Anthropic's dialect (contract: core/provider.py, Provider)."""

    __slots__ = ("_messages", "caps", "drop", "name", "operations", "plain", "row", "stream_usage", "thinking_field")

    def __init__(self, name: str, row: Row) -> None:
        self.name = name
        self.row = row
        self._messages = Messages(operations=row.operations)
        self.operations: frozenset[Operation] = frozenset(row.operations)
        self.stream_usage: StreamUsage = "always"
        self.drop: frozenset[str] = frozenset()
        self.plain = False
        self.thinking_field = ""
        self.caps: Mapping[str, str] = self.row.caps

    def base_url(self, given: str) -> str:
        """The base URL to use for what an operator gave, without version. Raises ValueError."""
        url = urlsplit(normal(given, self.row.base_url))
        return urlunsplit(url._replace(path=without_version(url.path)))

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers, *, stream: bool = False) -> Request:
        """Describe the call."""
        del stream
        return self._messages.request(route, (), operation, body, extra)

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of the vendor's models."""
        return Request(b"GET", route.origin, target(route, self.row.models_path), self._messages.headers(route, ()))
