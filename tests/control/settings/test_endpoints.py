"""/api/settings"""

import httpx

from entrepot.control.settings.schemas import MEANINGS
from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_set_and_list(api: httpx.AsyncClient) -> None:
    assert (await api.put("/api/settings/title", json={"value": "<b>Relay"})).json()["value"] == "<b>Relay"
    assert (await api.get("/api/settings/title")).json()["value"] == "<b>Relay"
    assert {row["name"] for row in (await api.get("/api/settings")).json()["data"]} == set(MEANINGS)
    assert "&lt;b&gt;Relay" in (await api.get("/")).text
    assert (await api.put("/api/settings/title", json={"value": "a\u0000"})).status_code == 400
    assert (await api.put("/api/settings/first_start", json={"value": ""})).status_code == 404
