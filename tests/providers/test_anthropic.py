"""Anthropic: addresses as people write them, and what the vendor is sent."""

import pytest

from entrepot.core.call import Operation
from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.providers.anthropic import ANTHROPIC, OTHERS, Anthropic

CLAUDE = Anthropic("anthropic", ANTHROPIC)


def route(url: str, **facts: object) -> Route:
    origin, prefix, query = parse_origin(url)
    return Route(  # type: ignore[misc]
        **{  # type: ignore[arg-type]
            "channel_id": 1, "channel": "c", "provider": "anthropic", "group": "default", "ratio_ppm": 1, "model": "m",
            "origin": origin, "prefix": prefix, "query": query, "key_id": 1, "secret": "sk-ant",
        } | facts
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("", "https://api.anthropic.com"),
        ("https://api.anthropic.com", "https://api.anthropic.com"),
        ("https://api.anthropic.com/", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/messages", "https://api.anthropic.com"),
        ("https://api.anthropic.com/v1/messages/count_tokens", "https://api.anthropic.com"),
        ("api.anthropic.com", "https://api.anthropic.com"),
        ("https://relay.example/claude", "https://relay.example/claude"),
        ("https://relay.example/claude/v1", "https://relay.example/claude"),
        ("http://127.0.0.1:8080/v1/v1", "http://127.0.0.1:8080"),
        ("self:sandbox", "self:sandbox"),
    ],
)
def test_base_urls(given: str, url: str) -> None:
    assert CLAUDE.base_url(given) == url


def test_another_server_needs_an_address() -> None:
    with pytest.raises(ValueError, match="needs a base_url"):
        Anthropic("anthropic-compatible", OTHERS).base_url("")


@pytest.mark.parametrize(
    ("operation", "target"), [("messages", b"/v1/messages"), ("count_tokens", b"/v1/messages/count_tokens")]
)
def test_a_described_call(operation: Operation, target: bytes) -> None:
    request = CLAUDE.request(route("https://api.anthropic.com"), operation, b"{}", ())
    assert (request.method, request.target, request.body) == (b"POST", target, b"{}")
    headers = dict(request.headers)
    assert (headers[b"x-api-key"], headers[b"anthropic-version"]) == (b"sk-ant", b"2023-06-01")
    assert b"authorization" not in headers


def test_the_clients_own_version_and_betas_are_passed_on() -> None:
    extra = ((b"anthropic-version", b"2099-01-01"), (b"anthropic-beta", b"a-1,b-2"))
    request = CLAUDE.request(route("https://relay.example/claude"), "messages", b"{}", extra)
    assert request.target == b"/claude/v1/messages"
    assert [pair for pair in request.headers if pair[0].startswith(b"anthropic")] == list(extra)


def test_models() -> None:
    listing = CLAUDE.models_request(route("https://api.anthropic.com"))
    assert listing is not None
    assert (listing.method, listing.target) == (b"GET", b"/v1/models?limit=1000")
    assert dict(listing.headers)[b"anthropic-version"] == b"2023-06-01"
