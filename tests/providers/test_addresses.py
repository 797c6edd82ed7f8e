"""Base URLs as people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrepot.providers.addresses import normal

PLAIN = "https://api.vendor.com/v1"
DEEP = "https://open.vendor.cn/api/paas/v4"
BARE = "https://api.vendor.ai"


@pytest.mark.parametrize(
    ("given", "default", "used"),
    [
        ("", PLAIN, PLAIN),
        ("  ", PLAIN, PLAIN),
        ("https://api.vendor.com", PLAIN, PLAIN),
        ("https://API.vendor.com/", PLAIN, PLAIN),
        ("api.vendor.com", PLAIN, PLAIN),
        ("https://api.vendor.com/v1/", PLAIN, PLAIN),
        ("https://api.vendor.com/v1/v1", PLAIN, PLAIN),
        ("https://api.vendor.com/v1/chat/completions", PLAIN, PLAIN),
        ("https://api.vendor.com/v1/embeddings/", PLAIN, PLAIN),
        ("https://api.vendor.com/v1/models", PLAIN, PLAIN),
        ("https://api.vendor.com/beta", PLAIN, "https://api.vendor.com/beta"),
        ("https://my.proxy", PLAIN, "https://my.proxy/v1"),
        ("http://10.0.0.3:8000", PLAIN, "http://10.0.0.3:8000/v1"),
        ("https://my.proxy/vendor/v1", PLAIN, "https://my.proxy/vendor/v1"),
        ("https://my.proxy/vendor", PLAIN, "https://my.proxy/vendor"),
        ("https://my.proxy?api-version=2", PLAIN, "https://my.proxy/v1?api-version=2"),
        ("https://open.vendor.cn", DEEP, DEEP),
        ("https://open.vendor.cn/v1", DEEP, DEEP),
        ("https://open.vendor.cn/api/paas", DEEP, DEEP),
        ("https://open.vendor.cn/api/coding/paas/v4", DEEP, "https://open.vendor.cn/api/coding/paas/v4"),
        ("https://my.proxy/api/paas", DEEP, "https://my.proxy/api/paas/v4"),
        ("https://my.proxy/v1", DEEP, "https://my.proxy/v1"),
        ("https://api.vendor.ai/v1", BARE, BARE),
        ("https://api.vendor.ai/chat/completions", BARE, BARE),
        ("self:sandbox", PLAIN, "self:sandbox"),
    ],
)
def test_what_is_meant(given: str, default: str, used: str) -> None:
    assert normal(given, default) == used


def test_other_addresses_of_a_vendor() -> None:
    assert normal("https://api.vendor.io", DEEP, ("https://api.vendor.io/v2",)) == "https://api.vendor.io/v2"


def test_a_generic_server_gets_the_usual_version() -> None:
    assert normal("relay.example", "", (), "/v1") == "https://relay.example/v1"
    assert normal("https://relay.example/openai", "", (), "/v1") == "https://relay.example/openai"


@pytest.mark.parametrize("given", ["", "ftp://x", "https://", "http:///v1"])
def test_what_cannot_be_used(given: str) -> None:
    with pytest.raises(ValueError, match=r"base_url|URL"):
        normal(given, "")


@settings(deadline=None)
@given(
    st.sampled_from([PLAIN, DEEP, BARE]), st.from_regex(r"\A(https?://)?[a-z]{1,5}\.example(:\d{2,4})?(/[a-z0-9]{0,4}){0,3}\Z")
)
def test_normal_twice_is_normal(default: str, text: str) -> None:
    once = normal(text, default)
    assert normal(once, default) == once
