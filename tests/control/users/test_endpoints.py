"""/api/users"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_the_life_of_a_user(api: httpx.AsyncClient) -> None:
    made = await api.post("/api/users", json={"name": "alice", "password": "long enough"})
    assert made.status_code == 201
    assert "long enough" not in made.text
    assert (await api.patch("/api/users/alice", json={"status": "disabled"})).json()["status"] == "disabled"
    assert (await api.get("/api/users/alice")).json()["status"] == "disabled"
    assert (await api.delete("/api/users/alice")).status_code == 204
    assert [user["name"] for user in (await api.get("/api/users")).json()["data"]] == ["installation"]


async def test_wrong_values_are_named(api: httpx.AsyncClient) -> None:
    for field, value in (
        ("role", "root"),
        ("password", "short"),
        ("name", "a/b"),
        ("name", ""),
        ("name", "a\nb"),
        ("status", 1),
    ):
        body = {"name": "u", field: value}
        answer = await api.post("/api/users", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), body


async def test_pages(api: httpx.AsyncClient) -> None:
    await api.post("/api/users", json={"name": "alice"})
    first = (await api.get("/api/users?limit=1")).json()
    assert [user["name"] for user in first["data"]] == ["installation"]
    second = (await api.get(f"/api/users?limit=1&after={first['next']}")).json()
    assert [user["name"] for user in second["data"]] == ["alice"]
    assert second["next"] is None
    for query in ("limit=0", "limit=501", "after=x", "after=-1"):
        assert (await api.get(f"/api/users?{query}")).status_code == 400
