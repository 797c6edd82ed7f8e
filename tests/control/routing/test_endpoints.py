"""/api/routing and /api/health, from outside."""

import httpx

from tests.control.conftest import ON_SQLITE


@ON_SQLITE
async def test_explain_and_health(api: httpx.AsyncClient) -> None:
    body = {"name": "east", "provider": "openai", "keys": ["sk-1"], "models": ["gpt-4o"]}
    assert (await api.post("/api/channels", json=body)).status_code == 201
    found = (await api.get("/api/routing/explain", params={"model": "gpt-4o"})).json()
    assert [route["channel"] for route in found["routes"]] == ["east"]
    assert (await api.get("/api/routing/explain")).status_code == 400
    assert (await api.get("/api/routing/explain", params={"model": "m", "key": "none"})).status_code == 404
    page = (await api.get("/api/health/channels")).json()
    assert [(row["channel"], row["attempts"], row["state"]) for row in page["data"]] == [("east", 0, "closed")]
