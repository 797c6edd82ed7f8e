"""The catalogue as a whole."""

from urllib.parse import urlsplit

import pytest

from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.kit.patterns import best
from entrepot.providers.catalogue import base_url, load_catalogue, load_rows
from tests.dialects.recordings import FILES
from tests.shared import corpus, requires_shared

CATALOGUE = load_catalogue()
WANTED = (
    "openai", "deepseek", "moonshot", "zhipu", "zai", "qwen", "doubao", "minimax", "hunyuan", "stepfun",
    "siliconflow", "groq", "mistral", "together", "fireworks", "xai", "perplexity", "cerebras", "openrouter",
    "nvidia", "ollama", "vllm", "lmstudio", "compatible", "sandbox", "azure", "kimi", "dashscope",
)  # fmt: skip
RECORDED = {"alibaba": "qwen", "moonshotai": "moonshot", "local-vllm": "vllm"}
"""Names of providers in the recordings, where ours is another."""
OPERATIONS = {"/chat/completions": "chat", "/completions": "completions", "/embeddings": "embeddings"}


@pytest.mark.parametrize("name", WANTED)
def test_who_is_in(name: str) -> None:
    provider = CATALOGUE[name]
    assert name == provider.name or name in provider.row.aliases
    assert provider.operations
    assert provider.row.label


@pytest.mark.parametrize(("name", "row"), load_rows().items())
def test_rows_are_in_order(name: str, row: object) -> None:
    provider = CATALOGUE[name]
    urls = [url for url in (provider.row.base_url, *provider.row.other_urls) if url]
    for url in urls:
        assert base_url(provider, url) == url, "a base URL of a row is normal as it stands"
        if url != "self:sandbox":
            parse_origin(url)
            assert base_url(provider, f"{urlsplit(url).scheme}://{urlsplit(url).netloc}") in urls, "a bare host is understood"
    assert provider.row.docs or name in ("compatible", "sandbox")
    assert set(provider.row.paths) <= provider.operations
    assert set(provider.caps.values()) <= {"max_tokens", "max_completion_tokens"}
    assert not (provider.stream_usage == "option" and "stream_options" in provider.drop)


@pytest.mark.parametrize(
    ("name", "model", "field"),
    [
        ("openai", "gpt-4o-mini", "max_completion_tokens"),
        ("azure", "o3-mini", "max_completion_tokens"),
        ("azure", "my-gpt-4o", None),
        ("compatible", "gpt-5-mini", "max_completion_tokens"),
        ("compatible", "qwen3", None),
        ("deepseek", "deepseek-chat", None),
        ("anthropic", "claude-sonnet-5", None),
    ],
)
def test_how_a_cap_of_ours_is_called(name: str, model: str, field: str | None) -> None:
    caps = CATALOGUE[name].caps
    found = best(caps, model)
    assert (caps[found] if found else None) == field


def test_a_provider_that_needs_an_address_says_so() -> None:
    with pytest.raises(ValueError, match="needs a base_url"):
        base_url(CATALOGUE["compatible"], "")


def test_every_call_gives_fresh_values() -> None:
    assert load_catalogue() is not load_catalogue()


@requires_shared
def test_what_is_called_tested_has_a_recording() -> None:
    seen: dict[str, set[str]] = {}
    for name in FILES:
        for record in corpus(name):
            provider = record.get("provider") or ""
            seen.setdefault(RECORDED.get(provider, provider), set()).add(name)
    for name, row in load_rows().items():
        for file in filter(None, row.tested.split(", ")):
            if name != "sandbox":
                assert file in seen.get(name, set()), (name, file)


@requires_shared
def test_recorded_addresses_come_out_again() -> None:
    """Where a recording has the address, our row makes the same one from its base URL."""
    seen: set[str] = set()
    for name in FILES:
        for record in corpus(name):
            provider = CATALOGUE.get(RECORDED.get(record.get("provider") or "", record.get("provider") or ""))
            # deepseek documents both, as the same.
            url = (record.get("url") or "").replace("api.deepseek.com/v1", "api.deepseek.com")
            path = next((path for path in OPERATIONS if url.endswith(path)), None)
            if provider is None or path is None or provider.name in ("azure", "gemini") or "/api/embeddings" in url:
                continue
            operation = OPERATIONS[path]
            assert operation in provider.operations, (provider.name, operation)
            origin, prefix, query = parse_origin(base_url(provider, url))
            route = Route(
                channel_id=1, channel="c", provider=provider.name, group="default", ratio_ppm=1, model="m", origin=origin,
                prefix=prefix, query=query, key_id=1, secret="s",
            )  # fmt: skip
            request = provider.request(route, operation, b"", ())  # type: ignore[arg-type]
            assert f"{origin.scheme}://{origin.authority}{request.target.decode()}" == url
            default = base_url(provider, "")
            if urlsplit(default).netloc == urlsplit(url).netloc and provider.name != "huggingface" and "/beta/" not in url:
                assert url == default + path, provider.name
                seen.add(provider.name)
    assert seen >= {"openai", "deepseek", "groq", "mistral", "openrouter", "cerebras", "zai", "ollama", "vllm"}
