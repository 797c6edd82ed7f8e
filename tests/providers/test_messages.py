"""Anthropic's dialect at vendors that speak OpenAI's too."""

import pytest

from entrepot.core.http import parse_origin
from entrepot.core.route import Route
from entrepot.providers.catalogue import load_catalogue, load_rows
from entrepot.providers.messages import Messages

CATALOGUE = load_catalogue()
SPEAKERS = [name for name, row in load_rows().items() if row.messages is not None]


def route(url: str, **facts: object) -> Route:
    origin, prefix, query = parse_origin(url)
    return Route(  # type: ignore[misc]
        **{  # type: ignore[arg-type]
            "channel_id": 1, "channel": "c", "provider": "p", "group": "default", "ratio_ppm": 1, "model": "m",
            "origin": origin, "prefix": prefix, "query": query, "key_id": 1, "secret": "sk-1",
        } | facts
    )  # fmt: skip


def asked(provider: str, given: str = "", **facts: object) -> tuple[str, dict[bytes, bytes]]:
    """The address and the headers of a call for messages on a channel with this base URL."""
    url = CATALOGUE[provider].base_url(given)
    request = CATALOGUE[provider].request(route(url, **facts), "messages", b"{}", ())
    return f"{request.origin.scheme}://{request.origin.authority}{request.target.decode()}", dict(request.headers)


@pytest.mark.parametrize(
    ("provider", "given", "address"),
    [
        ("deepseek", "", "https://api.deepseek.com/anthropic/v1/messages"),
        ("deepseek", "https://api.deepseek.com/v1", "https://api.deepseek.com/anthropic/v1/messages"),
        ("deepseek", "https://api.deepseek.com/anthropic", "https://api.deepseek.com/anthropic/v1/messages"),
        ("deepseek", "https://relay.example/ds/v1", "https://relay.example/ds/anthropic/v1/messages"),
        ("moonshot", "", "https://api.moonshot.cn/anthropic/v1/messages"),
        ("moonshot", "https://api.moonshot.ai", "https://api.moonshot.ai/anthropic/v1/messages"),
        ("zhipu", "", "https://open.bigmodel.cn/api/anthropic/v1/messages"),
        ("zai", "", "https://api.z.ai/api/anthropic/v1/messages"),
        ("zai", "https://api.z.ai/api/coding/paas/v4", "https://api.z.ai/api/anthropic/v1/messages"),
        ("minimax", "", "https://api.minimaxi.com/anthropic/v1/messages"),
        ("qwen", "", "https://dashscope.aliyuncs.com/apps/anthropic/v1/messages"),
        ("qwen", "https://dashscope-intl.aliyuncs.com", "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1/messages"),
        ("openrouter", "", "https://openrouter.ai/api/v1/messages"),
        ("fireworks", "", "https://api.fireworks.ai/inference/v1/messages"),
        ("ollama", "", "http://localhost:11434/v1/messages"),
        ("ollama", "http://gpu:11434", "http://gpu:11434/v1/messages"),
        ("vllm", "", "http://localhost:8000/v1/messages"),
    ],
)
def test_addresses(provider: str, given: str, address: str) -> None:
    assert asked(provider, given)[0] == address


@pytest.mark.parametrize("provider", SPEAKERS)
def test_every_vendor_gets_the_key_once_and_the_version(provider: str) -> None:
    headers = asked(provider, "http://127.0.0.1:1/v1" if provider == "sandbox" else "")[1]
    shown = {name: value for name, value in headers.items() if name in (b"x-api-key", b"authorization")}
    assert list(shown.values()) in ([b"sk-1"], [b"Bearer sk-1"])
    assert headers[b"anthropic-version"] == b"2023-06-01"
    row = load_rows()[provider]
    assert row.messages is not None
    assert row.messages.docs or provider == "sandbox"


def test_a_call_of_the_other_dialect_goes_where_it_went() -> None:
    request = CATALOGUE["deepseek"].request(route(CATALOGUE["deepseek"].base_url("")), "chat", b"{}", ())
    assert (request.target, dict(request.headers)[b"authorization"]) == (b"/chat/completions", b"Bearer sk-1")
    assert CATALOGUE["deepseek"].operations == {"chat", "messages"}
    assert "messages" not in CATALOGUE["openai"].operations


def test_a_vendor_without_a_key() -> None:
    headers = asked("ollama", secret="")[1]
    assert b"authorization" not in headers


def test_headers_of_the_channel() -> None:
    channel = ((b"anthropic-beta", b"of-channel"), (b"anthropic-version", b"2020-01-01"), (b"x-team", b"a"))
    headers = dict(Messages().headers(route("https://x.example", headers=channel), ()))
    assert (headers[b"anthropic-beta"], headers[b"anthropic-version"], headers[b"x-team"]) == (
        b"of-channel",
        b"2020-01-01",
        b"a",
    )


def test_betas_of_channel_and_client_go_together() -> None:
    channel = ((b"anthropic-beta", b"of-channel"),)
    extra = ((b"anthropic-version", b"2023-06-01"), (b"anthropic-beta", b"of-client,other"))
    headers = Messages().headers(route("https://x.example", headers=channel), extra)
    assert [value for name, value in headers if name == b"anthropic-beta"] == [b"of-channel,of-client,other"]
    assert [value for name, value in headers if name == b"anthropic-version"] == [b"2023-06-01"]
