"""/api/channels and /api/providers"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_the_life_of_a_channel(api: httpx.AsyncClient) -> None:
    body = {"provider": "deepseek", "keys": ["sk-vendor-0123456789abcd"], "models": ["deepseek-*"]}
    made = await api.post("/api/channels", json=body)
    assert made.status_code == 201
    assert body["keys"][0] not in made.text
    assert (await api.patch("/api/channels/deepseek", json={"priority": 3})).json()["priority"] == 3
    with_two = (await api.post("/api/channels/deepseek/keys", json={"key": "sk-second"})).json()
    assert len(with_two["keys"]) == 2
    with_one = (await api.delete(f"/api/channels/deepseek/keys/{with_two['keys'][0]['id']}")).json()
    assert with_one["keys"] == with_two["keys"][1:]
    assert [row["name"] for row in (await api.get("/api/channels")).json()["data"]] == ["deepseek"]
    assert (await api.delete("/api/channels/deepseek")).status_code == 204
    assert (await api.get("/api/channels/deepseek")).status_code == 404


async def test_a_test_tells_what_is_wrong(api: httpx.AsyncClient) -> None:
    body = {"name": "s", "provider": "compatible", "base_url": "http://127.0.0.1:1/v1", "models": ["*"]}
    await api.post("/api/channels", json=body)
    verdict = (await api.post("/api/channels/s/test")).json()
    assert (verdict["ok"], verdict["fault"]) == (False, "connect_refused")
    assert (await api.post("/api/channels/x/test")).status_code == 404


async def test_wrong_values_are_named(api: httpx.AsyncClient) -> None:
    for fields, param in (
        ({"provider": "deepsek"}, "provider"),
        ({"keys": []}, "keys"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "http://x y"}, "base_url"),
        ({"proxy": "ftp://x"}, "proxy"),
        ({"headers": {"a b": "c"}}, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, "headers"),
        ({"weight": -1}, "weight"),
        ({"weight": 1.5}, "weight"),
        ({"limits": {"max_connections": 0}}, "limits.max_connections"),
        ({"timeouts": {"idel": 3}}, "timeouts.idel"),
        ({"api": "soap"}, "api"),
        ({"groups": []}, "groups"),
        ({"keys": ["env:NO_SUCH_VARIABLE_HERE"]}, "keys"),
    ):
        body = {"provider": "openai", "keys": ["k"], "models": ["*"], **fields}
        answer = await api.post("/api/channels", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), fields


async def test_providers(api: httpx.AsyncClient) -> None:
    rows = {row["name"]: row for row in (await api.get("/api/providers")).json()["data"]}
    assert rows["deepseek"]["tested"] is True
    assert rows["deepseek"]["base_url"].startswith("https://")
