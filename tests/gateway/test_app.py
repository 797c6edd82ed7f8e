"""The public paths: all forms of them, methods, unknown ones, request ids, bodies over the limit."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from entrepot.core.faults import TABLE, Kind
from tests.gateways import GatewayUnderTest, running_gateway

ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayUnderTest]:
    async with running_gateway(tmp_path, max_body=1024 * 1024) as made:
        yield made


async def test_every_path_with_and_without_the_version(gateway: GatewayUnderTest) -> None:
    bodies = {
        "/chat/completions": ASK,
        "/completions": {"model": "sandbox/echo", "prompt": "a"},
        "/embeddings": {"model": "sandbox/embed", "input": "a"},
        "/moderations": {"model": "sandbox/moderate", "input": "a"},
    }
    async with gateway.client() as client:
        for path, body in bodies.items():
            for prefix in ("/v1", "", "/v1/v1"):
                answer = await client.post(prefix + path, json=body)
                assert answer.status_code == 200, prefix + path
                assert answer.headers["x-request-id"].startswith("req_")


async def test_what_is_not_there(gateway: GatewayUnderTest) -> None:
    async with gateway.client() as client:
        for method, path, status, code in (
            ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
            ("POST", "/v1/no/such", 404, "unknown_url"),
            ("POST", "/v1/models", 405, "method_not_allowed"),
            ("GET", "/v1", 404, "unknown_url"),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
            assert answer.headers["x-request-id"].startswith("req_")


async def test_an_unknown_path_is_told_where_to_look(gateway: GatewayUnderTest) -> None:
    async with gateway.client() as client:
        said = (await client.post("/v1/no/" + "x" * 5000)).json()["error"]["message"]
        assert "There is no endpoint /v1/no/xxx" in said
        assert "GET /v1/models" in said
        assert "docs/endpoints.md" in said
        assert len(said) < 400
        assert "/docs " not in TABLE[Kind.UNKNOWN_PATH].message
        assert (await client.get("/v1/models")).status_code == 200


async def test_a_wrong_method_is_told_the_right_ones(gateway: GatewayUnderTest) -> None:
    async with gateway.client() as client:
        for method, path, allow in (
            ("GET", "/v1/chat/completions", "POST"),
            ("POST", "/v1/models", "GET, HEAD"),
            ("DELETE", "/v1/models/a/b", "GET, HEAD"),
            ("POST", "/v1/key", "GET, HEAD"),
        ):
            answer = await client.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, allow)


async def test_keys_in_every_place(gateway: GatewayUnderTest) -> None:
    async with gateway.client() as client:
        client.headers.pop("authorization")
        for headers in (
            {"authorization": f"Bearer {gateway.key}"},
            {"x-api-key": gateway.key},
            {"api-key": gateway.key},
            {"x-goog-api-key": gateway.key},
        ):
            assert (await client.post("/v1/chat/completions", json=ASK, headers=headers)).status_code == 200
        assert (await client.post("/v1/chat/completions", json=ASK, params={"key": gateway.key})).status_code == 200
        nobody = await client.post("/v1/chat/completions", json=ASK)
        assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "missing_api_key")


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit(gateway: GatewayUnderTest, chunked: bool) -> None:
    big = b'{"model":"sandbox/echo","messages":[{"role":"user","content":"' + b"x" * 2_000_000 + b'"}]}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 65536):
            yield big[start : start + 65536]

    async with gateway.client() as client:
        answer = await client.post("/v1/chat/completions", content=pieces() if chunked else big)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")
        assert answer.headers["connection"] == "close"
        assert (await client.post("/v1/chat/completions", json=ASK)).status_code == 200


async def test_too_many_calls_at_once(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, max_calls=1) as gateway, gateway.client() as client:
        slow = ASK | {"model": "sandbox/story:100@20", "stream": True}
        async with client.stream("POST", "/v1/chat/completions", json=slow) as stream:
            assert stream.status_code == 200
            answer = await client.post("/v1/chat/completions", json=ASK)
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"


async def test_a_large_prompt(gateway: GatewayUnderTest) -> None:
    async with gateway.client() as client:
        body = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "é" * 200_000}]}
        answer = await client.post("/v1/chat/completions", json=body)
        assert answer.json()["choices"][0]["message"]["content"] == "é" * 200_000
