"""/api/keys"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_the_life_of_a_key(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/keys", json={"name": "k", "group": "default", "quota": "5.00"})).json()
    assert made["secret"].startswith("sk-ent-")
    assert (made["quota"], made["user"], made["groups"]) == ("5", "installation", ["default"])
    path = f"/api/keys/{made['id']}"
    shown = await api.get(path)
    assert "secret" not in shown.json()
    assert made["secret"] not in shown.text
    assert (await api.patch(path, json={"quota": None, "rpm": 9})).json()["rpm"] == 9
    rotated = (await api.post(f"{path}/rotate")).json()
    assert rotated["secret"] != made["secret"]
    assert (await api.get("/api/keys?user=installation")).json()["data"][0]["hint"] == rotated["hint"]
    assert (await api.delete(path)).status_code == 204
    assert (await api.get(path)).status_code == 404


async def test_refusals_name_the_field(api: httpx.AsyncClient) -> None:
    for body, param in (
        ({"ips": ["1.2.3.4/33"]}, "ips.0"),
        ({"groups": ["defalt"]}, "groups"),
        ({"grop": "x"}, "grop"),
        ({"user": "x"}, "name"),
    ):
        error = (await api.post("/api/keys", json=body)).json()["error"]
        assert error["param"] == param
        assert error["type"] == "invalid_request_error"
    assert (await api.get("/api/keys/abc")).json()["error"]["param"] == "key_id"
    assert (await api.get("/api/keys/99999999999999999999999")).status_code in (400, 404)
