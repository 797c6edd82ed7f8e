"""Who may use the API."""

import httpx

from entrepot.control.services import Services
from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE

OPEN = {"/", "/api/docs", "/api/openapi.json"}


async def test_every_endpoint_asks_for_a_token(api: httpx.AsyncClient) -> None:
    paths = (await api.get("/api/openapi.json")).json()["paths"]
    assert len(paths) > 15
    asked = 0
    for path, operations in paths.items():
        for method in operations:
            url = path.replace("{key_id}", "1").replace("{token_id}", "1")
            for headers in ({"authorization": ""}, {"authorization": "Bearer adm-ent-wrong"}, {"authorization": "Basic YTpi"}):
                answer = await api.request(method.upper(), url, headers=headers, json={})
                assert answer.status_code == 401, (method, path)
                assert answer.json()["error"]["code"] == "invalid_admin_token"
                asked += 1
    assert asked > 60


async def test_a_stranger_waits_for_no_writer_and_makes_none_wait(api: httpx.AsyncClient, services: Services) -> None:
    async with services.transaction():
        answer = await api.post("/api/groups", json={"name": "x"}, headers={"authorization": "Bearer adm-ent-wrong"})
        assert answer.status_code == 401


async def test_the_open_pages(api: httpx.AsyncClient) -> None:
    for path in OPEN:
        answer = await api.get(path, headers={"authorization": ""})
        assert answer.status_code == 200
