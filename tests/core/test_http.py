"""Base URLs become origins, so that equal ones share connections."""

import pytest

from entrepot.core.http import BadUrlError, Origin, parse_origin


@pytest.mark.parametrize(
    ("url", "origin", "path", "query"),
    [
        ("https://api.example.com/v1", Origin("https", "api.example.com", 443), "/v1", ""),
        ("https://API.Example.com:443/v1/", Origin("https", "api.example.com", 443), "/v1", ""),
        ("http://localhost:11434", Origin("http", "localhost", 11434), "", ""),
        ("http://[::1]:8000/a/b//", Origin("http", "::1", 8000), "/a/b", ""),
        ("https://x.example/openai?api-version=1", Origin("https", "x.example", 443), "/openai", "api-version=1"),
    ],
)
def test_parse_origin(url: str, origin: Origin, path: str, query: str) -> None:
    assert parse_origin(url) == (origin, path, query)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example.com/v1",
        "ftp://x/",
        "https://",
        "http://x:99999",
        "http://x:abc",
        "http://[::1",
        "https://user:secret@x/v1",
    ],
)
def test_what_is_no_base_url(url: str) -> None:
    with pytest.raises(BadUrlError) as caught:
        parse_origin(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        (Origin("https", "a.example", 443), "a.example"),
        (Origin("https", "a.example", 80), "a.example:80"),
        (Origin("http", "a.example", 80), "a.example"),
        (Origin("http", "::1", 8000), "[::1]:8000"),
        (Origin("unix", "/run/x.sock", 0), "localhost"),
    ],
)
def test_authority(origin: Origin, authority: str) -> None:
    assert origin.authority == authority


def test_another_proxy_is_another_origin() -> None:
    direct, _, _ = parse_origin("https://a.example")
    assert parse_origin("https://a.example", "")[0] == direct
    assert parse_origin("https://a.example", "socks5h://127.0.0.1:1080")[0] != direct
