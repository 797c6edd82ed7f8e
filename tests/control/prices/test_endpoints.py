"""/api/prices"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_set_and_read(api: httpx.AsyncClient) -> None:
    body = {"model": "gpt-4o-mini", "price": {"input": "0.15", "output": "0.60"}}
    made = await api.post("/api/prices", json=body)
    assert made.status_code == 201
    assert [row["price"] for row in made.json()["data"]] == ["0.15", "0.6"]
    assert (await api.get("/api/models/gpt-4o-mini")).json()["prices"] == {"input": "0.15", "output": "0.6"}
    assert len((await api.get("/api/prices?model=gpt-4o-mini")).json()["data"]) == 2
    page = (await api.get("/api/prices?limit=1")).json()
    assert (await api.get(f"/api/prices?limit=1&after={page['next']}")).json()["data"][0]["kind"] == "output"


async def test_wrong_prices_are_named(api: httpx.AsyncClient) -> None:
    for price, param in (({"input": 0.15}, "price.input"), ({"inptu": "1"}, "price.inptu"), ({"call": "-1"}, "price.call")):
        answer = await api.post("/api/prices", json={"model": "m", "price": price})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_catalogue_and_what_a_call_costs(api: httpx.AsyncClient) -> None:
    loaded = (await api.post("/api/prices/catalogue", json={"models": ["gpt-4o*"]})).json()
    assert "gpt-4o-mini" in loaded["loaded"]
    assert (await api.post("/api/prices/catalogue", json={"models": ["gpt-4o*"]})).json()["loaded"] == []
    found = (await api.get("/api/prices/effective?model=gpt-4o-mini")).json()
    assert (found["pattern"], found["tiers"][-1]["prices"]["output"]) == ("gpt-4o-mini", "0.6")
    assert (await api.get("/api/prices/effective?model=unknown")).status_code == 404
    wrong = {"model": "m", "price": {"input": "1"}, "conditions": {"prompt_ovr": 5}}
    answer = await api.post("/api/prices", json=wrong)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "conditions.prompt_ovr")
