"""The contract of a vendor: a value that describes requests."""

from collections.abc import Mapping
from typing import Literal, Protocol, TypeAlias

from entrepot.core.call import Operation
from entrepot.core.http import Headers, Request
from entrepot.core.route import Route

StreamUsage: TypeAlias = Literal["option", "always", "never"]
"""Does the vendor report usage in streams: when `stream_options` asks, always, or never?"""


class Provider(Protocol):
    """One vendor, or one family that differs in nothing but data."""

    name: str
    operations: frozenset[Operation]
    stream_usage: StreamUsage
    drop: frozenset[str]
    """Top-level request fields that the vendor is documented to refuse."""
    caps: Mapping[str, str]
    """Name of the field that caps a chat answer, by pattern of the vendor's names; what fits none takes `max_tokens`."""

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers) -> Request:
        """Describe the call. `extra` are headers to send as they are."""
        ...

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of the vendor's models, or None where there is none."""
        ...
