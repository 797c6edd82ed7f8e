"""What all descriptions of requests have in common."""

from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.providers.requests import merged, target


def route(url: str) -> Route:
    origin, prefix, query = parse_origin(url)
    return Route(
        channel_id=1, channel="c", provider="p", group="default", ratio_ppm=1, model="m", origin=origin, prefix=prefix,
        query=query, key_id=1, secret="s",
    )  # fmt: skip


def test_targets() -> None:
    assert target(route("https://x.example/v1"), "/chat/completions") == b"/v1/chat/completions"
    assert target(route("https://x.example/v1?a=b"), "/models") == b"/v1/models?a=b"
    assert target(route("https://x.example/v1?a=b"), "/v1/messages", "/anthropic") == b"/anthropic/v1/messages?a=b"


def test_who_wins_among_headers() -> None:
    ours = ((b"a", b"ours"), (b"b", b"ours"), (b"c", b"ours"))
    assert merged(ours, ((b"b", b"channel"), (b"c", b"channel")), ((b"c", b"extra"),)) == (
        (b"a", b"ours"),
        (b"b", b"channel"),
        (b"c", b"extra"),
    )
