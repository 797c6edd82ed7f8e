"""/api/admin/tokens"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_a_minted_token_opens_the_api_until_it_is_revoked(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/admin/tokens", json={"name": "deploy"})).json()
    headers = {"authorization": f"Bearer {made['secret']}"}
    assert (await api.get("/api/status", headers=headers)).status_code == 200
    assert made["secret"] not in (await api.get("/api/admin/tokens")).text
    assert (await api.delete(f"/api/admin/tokens/{made['id']}")).status_code == 204
    assert (await api.get("/api/status", headers=headers)).status_code == 401
