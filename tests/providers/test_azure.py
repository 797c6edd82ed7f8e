"""Azure OpenAI. The addresses are those of the recordings and of Microsoft's documentation."""

import pytest

from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.providers.azure import API_VERSION, Azure
from tests.dialects.recordings import CHAT
from tests.shared import corpus, requires_shared


def route(base_url: str, model: str = "my-gpt") -> Route:
    origin, prefix, query = parse_origin(base_url)
    return Route(
        channel_id=1,
        channel="c",
        provider="azure",
        group="default",
        ratio_ppm=1_000_000,
        model=model,
        origin=origin,
        prefix=prefix,
        query=query,
        key_id=1,
        secret="secret",
    )


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("https://x.openai.azure.com/", f"https://x.openai.azure.com?api-version={API_VERSION}"),
        ("x.openai.azure.com", f"https://x.openai.azure.com?api-version={API_VERSION}"),
        (
            "https://x.openai.azure.com?api-version=2025-01-01-preview",
            "https://x.openai.azure.com?api-version=2025-01-01-preview",
        ),
        ("https://x.openai.azure.com/openai/v1/", "https://x.openai.azure.com/openai/v1"),
        ("https://x.openai.azure.com/openai/v1/chat/completions", "https://x.openai.azure.com/openai/v1"),
        (
            "https://x.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-06-01",
            "https://x.openai.azure.com?api-version=2024-06-01",
        ),
        ("https://gateway.corp/azure/openai/deployments/gpt", f"https://gateway.corp/azure?api-version={API_VERSION}"),
    ],
)
def test_base_urls(given: str, used: str) -> None:
    assert Azure().base_url(given) == used
    assert Azure().base_url(used) == used


@pytest.mark.parametrize("given", ["", "ftp://x", "https://"])
def test_no_resource_no_channel(given: str) -> None:
    with pytest.raises(ValueError, match="azure needs a base_url"):
        Azure().base_url(given)


def test_the_deployment_is_in_the_path() -> None:
    request = Azure().request(route("https://x.openai.azure.com?api-version=2024-06-01", "gpt/4 o"), "chat", b"{}", ())
    assert request.target == b"/openai/deployments/gpt%2F4%20o/chat/completions?api-version=2024-06-01"
    assert dict(request.headers)[b"api-key"] == b"secret"
    assert b"authorization" not in dict(request.headers)


def test_the_v1_form() -> None:
    at = route("https://x.openai.azure.com/openai/v1")
    assert Azure().request(at, "embeddings", b"{}", ()).target == b"/openai/v1/embeddings"
    models = Azure().models_request(at)
    assert models is not None
    assert models.target == b"/openai/v1/models"


def test_a_base_url_that_was_never_made_normal() -> None:
    at = route("https://x.openai.azure.com")
    assert Azure().request(at, "chat", b"", ()).target.endswith(f"?api-version={API_VERSION}".encode())
    models = Azure().models_request(at)
    assert models is not None
    assert models.target == f"/openai/models?api-version={API_VERSION}".encode()


@requires_shared
def test_recorded_addresses_come_out_again() -> None:
    seen = 0
    for name in (*CHAT, "openai_embeddings"):
        for record in corpus(name):
            url = record.get("url") or ""
            if record.get("provider") != "azure" or "/deployments/" not in url:
                continue
            deployment = url.split("/deployments/")[1].split("/")[0]
            operation = "chat" if url.split("?")[0].endswith("/chat/completions") else "embeddings"
            at = route(Azure().base_url(url), deployment)
            request = Azure().request(at, operation, b"", ())
            assert f"{at.origin.scheme}://{at.origin.authority}{request.target.decode()}" == url
            seen += 1
    assert seen
