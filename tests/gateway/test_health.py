"""What machines ask: alive, ready, metrics."""

from pathlib import Path

import pytest

from tests.gateways import running_gateway


async def test_alive_ready_and_metrics(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["ready"]) == (200, True)
        ask = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}]}
        await client.post("/v1/chat/completions", json=ask)
        await client.post("/v1/chat/completions", json=ask | {"model": "no-such"})
        text = (await client.get("/metrics")).text
        assert 'operation="chat"' in text
        assert "entrepot_open_calls" in text
        assert gateway.key not in text


async def test_metrics_with_a_token(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, metrics_token="m-secret") as gateway, gateway.client() as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers={"authorization": "Bearer m-secret"})).status_code == 200


@pytest.mark.parametrize("header", ["x-forwarded-for", "Forwarded", "X-Real-IP"])
async def test_a_proxy_on_this_machine_is_no_loopback_client(tmp_path: Path, header: str) -> None:
    through = {header: "203.0.113.9"}
    async with running_gateway(tmp_path) as gateway, gateway.client() as client:
        answer = await client.get("/metrics", headers=through)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ip_not_allowed")
        assert (await client.get("/healthz", headers=through)).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
    async with running_gateway(tmp_path, metrics_token="m-secret") as gateway, gateway.client() as client:
        through["authorization"] = "Bearer m-secret"
        assert (await client.get("/metrics", headers=through)).status_code == 200
