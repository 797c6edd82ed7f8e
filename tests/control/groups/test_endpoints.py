"""/api/groups"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_the_life_of_a_group(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/groups", json={"name": "vip", "ratio": "0.8"})
    assert made.status_code == 201
    assert made.json()["ratio"] == "0.8"
    changed = await api.patch("/api/groups/vip", json={"public": False})
    assert changed.json()["public"] is False
    assert changed.json()["ratio"] == "0.8"
    listed = (await api.get("/api/groups")).json()
    assert [group["name"] for group in listed["data"]] == ["default", "vip"]
    assert listed["next"] is None
    assert (await api.delete("/api/groups/vip")).status_code == 204
    assert (await api.get("/api/groups/vip")).status_code == 404


async def test_a_ratio_is_a_decimal_string(api: httpx.AsyncClient) -> None:
    for ratio in (0.8, "x", "-1", "0.00000001", "NaN", "1e999999999"):
        answer = await api.post("/api/groups", json={"name": "g", "ratio": ratio})
        assert answer.status_code == 400, ratio
        assert answer.json()["error"]["param"] == "ratio"
