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
    plain: bool
    """Knows only the common core of OpenAI's format (for requests that are written by us)."""
    thinking_field: str
    """The member of an assistant's message in which reasoning goes back; "" where the vendor wants none."""
    caps: Mapping[str, str]
    """Name of the field that caps a chat answer, by pattern of the vendor's names; what fits none takes `max_tokens`."""

    def request(self, route: Route, operation: Operation, body: bytes, extra: Headers, *, stream: bool = False) -> Request:
        """Describe the call. `extra` are headers to send as they are; `stream` is for vendors whose path says so."""
        ...

    def models_request(self, route: Route) -> Request | None:
        """Describe the listing of the vendor's models, or None where there is none."""
        ...
