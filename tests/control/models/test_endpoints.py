"""/api/models"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_names_with_slashes_and_stars(api: httpx.AsyncClient) -> None:
    for name in ("openai/gpt-4o", "gpt-4-gizmo-*"):
        assert (await api.post("/api/models", json={"name": name})).status_code == 201
        assert (await api.patch(f"/api/models/{name}", json={"owner": "x"})).json()["owner"] == "x"
        assert (await api.get(f"/api/models/{name}")).json()["name"] == name
    listed = (await api.get("/api/models?limit=1")).json()
    assert listed["data"][0]["name"] == "openai/gpt-4o"
    assert (await api.get(f"/api/models?after={listed['next']}")).json()["data"][0]["name"] == "gpt-4-gizmo-*"
    assert (await api.delete("/api/models/openai/gpt-4o")).status_code == 204
    assert (await api.get("/api/models/openai/gpt-4o")).status_code == 404
    wrong = await api.post("/api/models", json={"name": "m", "timeouts": {"first_byte": 0}})
    assert wrong.json()["error"]["param"] == "timeouts.first_byte"
