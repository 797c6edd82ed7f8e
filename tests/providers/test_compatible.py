"""Providers that are rows: what they send."""

import msgspec
import pytest

from entrepot.core.http import Headers, Request, parse_origin
from entrepot.core.route import Route
from entrepot.providers.compatible import Compatible, Row, merged, target


def route(base_url: str = "https://api.vendor.com/v1", secret: str = "sk-secret", headers: Headers = ()) -> Route:
    origin, prefix, query = parse_origin(base_url)
    return Route(
        channel_id=1,
        channel="c",
        provider="p",
        group="default",
        ratio_ppm=1_000_000,
        model="m",
        origin=origin,
        prefix=prefix,
        query=query,
        key_id=1,
        secret=secret,
        headers=headers,
    )


def asked(row: Row, at: Route, extra: Headers = ()) -> Request:
    return Compatible("p", row).request(at, "chat", b"{}", extra)


def test_a_call() -> None:
    request = asked(Row(label="V"), route())
    assert (request.method, request.target, request.body) == (b"POST", b"/v1/chat/completions", b"{}")
    assert request.origin.authority == "api.vendor.com"
    assert dict(request.headers) == {
        b"authorization": b"Bearer sk-secret",
        b"content-type": b"application/json",
        b"accept": b"*/*",
        b"user-agent": b"entrepot",
    }


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("chat", b"/v1/chat/completions"),
        ("completions", b"/v1/special"),
        ("embeddings", b"/v1/embeddings"),
        ("moderations", b"/v1/moderations"),
    ],
)
def test_paths(operation: str, path: bytes) -> None:
    row = msgspec.convert(
        {
            "label": "V",
            "operations": ["chat", "completions", "embeddings", "moderations"],
            "paths": {"completions": "/special"},
        },
        Row,
    )
    assert Compatible("p", row).request(route(), operation, b"", ()).target == path  # type: ignore[arg-type]


def test_query_and_prefix() -> None:
    assert target(route("https://h/a/b?x=1&y=2"), "/chat") == b"/a/b/chat?x=1&y=2"
    assert target(route("https://h"), "/chat") == b"/chat"


def test_a_key_in_a_header_of_its_own() -> None:
    headers = dict(asked(Row(label="V", auth="X-Api-Key"), route()).headers)
    assert headers[b"x-api-key"] == b"sk-secret"
    assert b"authorization" not in headers


def test_no_key_no_header() -> None:
    assert b"authorization" not in dict(asked(Row(label="V", keyless=True), route(secret="")).headers)


def test_a_channels_headers_win_over_ours_and_extra_over_both() -> None:
    at = route(headers=((b"user-agent", b"mine"), (b"x-a", b"channel"), (b"x-b", b"1")))
    headers = asked(Row(label="V"), at, ((b"x-a", b"extra"),)).headers
    assert len(headers) == len(dict(headers))
    assert dict(headers)[b"user-agent"] == b"mine"
    assert dict(headers)[b"x-a"] == b"extra"
    assert dict(headers)[b"x-b"] == b"1"
    assert dict(headers)[b"authorization"] == b"Bearer sk-secret"


def test_a_header_may_stand_twice_in_a_channel() -> None:
    assert merged((), ((b"x", b"1"), (b"x", b"2")), ()) == ((b"x", b"1"), (b"x", b"2"))


def test_listing_models() -> None:
    request = Compatible("p", Row(label="V")).models_request(route())
    assert request is not None
    assert (request.method, request.target, request.body) == (b"GET", b"/v1/models", b"")
    assert Compatible("p", Row(label="V", models_path="")).models_request(route()) is None


@pytest.mark.parametrize(
    "wrong",
    [{"label": "V", "colour": "red"}, {"label": "V", "stream_usage": "perhaps"}, {"label": "V", "operations": ["sing"]}, {}],
)
def test_a_wrong_row_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Row)
