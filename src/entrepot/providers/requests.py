"""What descriptions of requests have in common, whatever the dialect."""

from entrepot.core.http import Headers
from entrepot.core.route import Route

COMMON: Headers = ((b"content-type", b"application/json"), (b"accept", b"*/*"), (b"user-agent", b"entrepot"))


def target(route: Route, path: str, prefix: str | None = None) -> bytes:
    """The request line's target: the route's prefix (or another one), the operation's path, the route's query."""
    start = route.prefix if prefix is None else prefix
    return f"{start}{path}?{route.query}".encode() if route.query else (start + path).encode()


def merged(ours: Headers, channel: Headers, extra: Headers) -> Headers:
    """All headers; a channel's own win over ours, `extra` over both."""
    over = {name for name, _ in extra}
    kept = [pair for pair in channel if pair[0] not in over]
    over.update(name for name, _ in channel)
    return (*(pair for pair in ours if pair[0] not in over), *kept, *extra)
