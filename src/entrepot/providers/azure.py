"""Azure OpenAI: the key in `api-key`, the deployment as model.

Two forms of base URL (source: learn.microsoft.com/azure/foundry/openai/api-version-lifecycle):
`https://NAME.openai.azure.com/openai/v1` takes OpenAI's own paths and needs no version, and the older
`https://NAME.openai.azure.com?api-version=…` has the deployment in the path and wants a dated version.
In both, the model of a route is the name of a deployment (use a channel's model map).
"""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.provider import StreamUsage
from entrepot.core.route import Route
from entrepot.providers.compatible import PATHS, Row
from entrepot.providers.requests import COMMON, merged

API_VERSION = "2024-10-21"
"""The last stable dated version."""
_V1 = "/openai/v1"


class Azure:
    """Azure OpenAI (contract: core/provider.py, Provider)."""

    __slots__ = ("caps", "drop", "name", "operations", "plain", "row", "stream_usage", "thinking_field")

    def __init__(self) -> None:
        self.name = "azure"
        self.row = Row(
            label="Azure OpenAI",
            operations=("chat", "completions", "embeddings"),
            auth="api-key",
            # Some deployments of older models refuse the new name (github.com/BerriAI/litellm/issues/8855).
            caps=dict.fromkeys(("o1*", "o3*", "o4*", "gpt-5*"), "max_completion_tokens"),
            docs="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
            tested="openai_chat, openai_embeddings",
        )
        self.operations: frozenset[Operation] = frozenset(self.row.operations)
        self.stream_usage: StreamUsage = "option"
        self.plain = False
        self.thinking_field = ""
        self.drop: frozenset[str] = frozenset()
        self.caps: Mapping[str, str] = self.row.caps

    def base_url(self, given: str) -> str:
        """The resource's address, in the form that was given. Raises ValueError where none was.

        What is pasted from the portal (a deployment's whole address) is cut back to the resource.
        """
        text = given.strip()
        parts = urlsplit(text if "://" in text else f"https://{text}")
        if not text or parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("azure needs a base_url: https://NAME.openai.azure.com or https://NAME.openai.azure.com/openai/v1")
        path = parts.path.rstrip("/")
        if (at := path.find(_V1)) != -1:
            return urlunsplit((parts.scheme, parts.netloc, path[: at + len(_V1)], parts.query, ""))
        path = path.partition("/openai")[0]
        return urlunsplit((parts.scheme, parts.netloc, path, parts.query or f"api-version={API_VERSION}", ""))

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers, *, stream: bool = False) -> Request:
        """Describe the call."""
        del stream
        path = PATHS[operation]
        if not route.prefix.endswith(_V1):
            path = f"/openai/deployments/{quote(route.model, safe='')}{path}"
        return Request(b"POST", route.origin, _target(route, path), self._headers(route, extra), body)

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of models (of the whole resource, not only what is deployed)."""
        path = "/models" if route.prefix.endswith(_V1) else "/openai/models"
        return Request(b"GET", route.origin, _target(route, path), self._headers(route, ()))

    def _headers(self, route: Route, extra: Headers) -> Headers:
        return merged(((b"api-key", route.secret.encode()), *COMMON), route.headers, extra)


def _target(route: Route, path: str) -> bytes:
    query = route.query
    if not query and not route.prefix.endswith(_V1):
        query = f"api-version={API_VERSION}"
    return f"{route.prefix}{path}?{query}".encode() if query else (route.prefix + path).encode()
