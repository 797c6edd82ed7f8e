"""/api/usage"""

import httpx

from tests.control.conftest import ON_SQLITE
from tests.control.usage.conftest import Calls

pytestmark = ON_SQLITE


async def test_list_show_and_sum(api: httpx.AsyncClient, calls: Calls) -> None:
    ids = await calls()
    page = (await api.get("/api/usage?limit=2&model=gpt-4o")).json()
    assert page["data"][0]["id"] == ids[0]
    rest = (await api.get("/api/usage", params={"model": "gpt-4o", "after": page["next"]})).json()
    assert len(rest["data"]) == 1
    assert (await api.get(f"/api/usage/{ids[0]}")).json()["channel"] == "east"
    shown = (await api.get(f"/api/usage/{ids[0]}/receipt")).json()
    assert (shown["object"], shown["charge"]) == ("receipt", "0.00003")
    assert (await api.get("/api/usage/req_x/receipt")).status_code == 404
    assert (await api.get("/api/usage/summary?by=model")).json()["data"][0]["by"] == "gpt-4o"


async def test_wrong_queries_are_named(api: httpx.AsyncClient) -> None:
    for query in ("since=soon", "key=x", "key=0", "status=1000", "by=hour", "outcome=bad", "after=x", "limit=0"):
        path = "/api/usage/summary" if query.startswith("by") else "/api/usage"
        answer = await api.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, query.partition("=")[0])
    assert (await api.get("/api/usage?user=a%00b")).status_code == 400
