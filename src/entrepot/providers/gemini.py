"""Gemini of Google AI Studio: the key in `x-goog-api-key`, model and kind of call in the path.

`base_url` is what Google's SDK takes, without version; one that has it by mistake is understood.
Source: ai.google.dev, "Gemini API reference".
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.provider import StreamUsage
from entrepot.core.route import Route
from entrepot.providers.addresses import normal, without_version
from entrepot.providers.compatible import Row
from entrepot.providers.requests import COMMON, merged

_VERSION = "/v1beta"
_METHODS: dict[Operation, str] = {"generate": "generateContent", "generate_count": "countTokens"}
GEMINI = Row(
    label="Google Gemini",
    base_url="https://generativelanguage.googleapis.com",
    aliases=("google",),
    operations=("generate", "generate_count"),
    models=("gemini-*", "gemma-*"),
    models_path=f"{_VERSION}/models?pageSize=1000",
    docs="https://ai.google.dev/api",
    tested="gemini_generate, vercel_gemini_generate",
)


class Gemini:
    """Google's own API (contract: core/provider.py, Provider)."""

    __slots__ = ("caps", "drop", "name", "operations", "plain", "row", "stream_usage", "thinking_field")

    def __init__(self) -> None:
        self.name = "gemini"
        self.row = GEMINI
        self.operations: frozenset[Operation] = frozenset(GEMINI.operations)
        self.stream_usage: StreamUsage = "always"
        self.plain = False
        self.thinking_field = ""
        self.drop: frozenset[str] = frozenset()
        self.caps: Mapping[str, str] = GEMINI.caps

    def base_url(self, given: str) -> str:
        """The base URL to use for what an operator gave, without version. Raises ValueError."""
        url = urlsplit(normal(given, self.row.base_url))
        return urlunsplit(url._replace(path=without_version(url.path)))

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers, *, stream: bool = False) -> Request:
        """Describe the call."""
        method = "streamGenerateContent" if stream else _METHODS[operation]
        query = "&".join(part for part in ("alt=sse" if stream else "", route.query) if part)
        path = f"{route.prefix}{_VERSION}/models/{quote(route.model.removeprefix('models/'), safe='')}:{method}"
        target = f"{path}?{query}" if query else path
        return Request(b"POST", route.origin, target.encode(), self._headers(route, extra), body)

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of the vendor's models."""
        target = f"{route.prefix}{self.row.models_path}"
        return Request(b"GET", route.origin, target.encode(), self._headers(route, ()))

    def _headers(self, route: Route, extra: Headers) -> Headers:
        key: Headers = ((b"x-goog-api-key", route.secret.encode()),) if route.secret else ()
        return merged((*key, *COMMON), route.headers, extra)
