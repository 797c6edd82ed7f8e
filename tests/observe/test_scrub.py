"""Whatever looks like a secret is taken out; what people need to read stays."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrepot.kit.ids import ADMIN_PREFIX, KEY_PREFIX, mint_key
from entrepot.observe.scrub import is_secret_name, scrub


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-AbC123_def-456",
        KEY_PREFIX + "0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3",
        ADMIN_PREFIX + "0123456789abcdefghijABCDEFGHIJ0123456789a1b2c3",
        "AIzaSyA1234567890abcdefghij",
        "gsk_1234567890abcdef",
        "xai-1234567890abcdef",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "Incorrect API key provided: {}.", '{{"k":"{}"}}', "https://x.example/?key={}&alt=sse", "a {}\nb"]
)
def test_keys_go(secret: str, around: str) -> None:
    clean = scrub(around.format(secret))
    assert secret not in clean
    assert secret[-8:] not in clean
    assert "…" in clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer …"),
        ("'authorization': 'Basic dXNlcjpwYXNz'", "'authorization': 'Basic …'"),
        ("GET /v1/models?key=topsecret&x=1", "GET /v1/models?key=…&x=1"),
        ('{"api_key": "topsecret", "n": 1}', '{"api_key": "…", "n": 1}'),
        ("x-goog-api-key: topsecret", "x-goog-api-key: …"),
        ("password=hunter22 next", "password=… next"),
        ("postgresql://jane:hunter22@db.example/x", "postgresql://jane:…@db.example/x"),
        ("socks5h://u:p@127.0.0.1:1080", "socks5h://u:…@127.0.0.1:1080"),
    ],
)
def test_what_stands_beside_a_name_goes(text: str, clean: str) -> None:
    assert scrub(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "channel north answered 503 after 12 ms",
        "model gpt-4o-mini is not served",
        "http://127.0.0.1:3000/v1/chat/completions",
        "max_tokens=4096 prompt_tokens: 12",
        "request req_20261120abcdefg0123456789",
        "the task-queue is empty, risk-free",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert scrub(text) == text


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_key_goes_whatever_stands_around_it(before: str, after: str) -> None:
    secret = mint_key()
    assert secret not in scrub(f"{before} {secret} {after}")


@pytest.mark.parametrize("piece", ["a", "a-", "key", "a.b+", "http://", "://", "-_"])
def test_long_texts_cost_little(piece: str) -> None:
    text = piece * (16_384 // len(piece))
    started = time.perf_counter()
    scrub(text)
    assert time.perf_counter() - started < 0.5


def test_names_of_secrets() -> None:
    assert is_secret_name("Authorization")
    assert is_secret_name("api_key")
    assert not is_secret_name("key_name")
    assert not is_secret_name("tokens")
