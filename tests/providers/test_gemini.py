"""Requests to Google's own API."""

import pytest

from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.providers.gemini import Gemini

GEMINI = Gemini()


def route(url: str = "", **facts: str) -> Route:
    origin, prefix, query = parse_origin(GEMINI.base_url(url))
    base = {"channel_id": 1, "channel": "c", "provider": "gemini", "group": "g", "ratio_ppm": 1, "key_id": 1}
    return Route(
        **{**base, "model": "gemini-2.5-flash", "origin": origin, "prefix": prefix, "query": query, "secret": "k", **facts}
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url", ["", "https://generativelanguage.googleapis.com/v1beta", "https://generativelanguage.googleapis.com/"]
)
def test_the_address_with_and_without_version(url: str) -> None:
    request = GEMINI.request(route(url), "generate", b"{}", ())
    assert request.target == b"/v1beta/models/gemini-2.5-flash:generateContent"
    assert (b"x-goog-api-key", b"k") in request.headers


def test_streams_are_asked_for_as_sse_and_names_are_quoted() -> None:
    request = GEMINI.request(route(model="models/a b/c"), "generate", b"{}", (), stream=True)
    assert request.target == b"/v1beta/models/a%20b%2Fc:streamGenerateContent?alt=sse"
    assert GEMINI.request(route(), "generate_count", b"{}", ()).target.endswith(b":countTokens")
    listing = GEMINI.models_request(route())
    assert listing is not None
    assert listing.method == b"GET"
