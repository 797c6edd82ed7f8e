"""/api/users/{name}/balance, /api/users/{name}/ledger, /api/ledger"""

import httpx

from tests.control.conftest import ON_SQLITE

pytestmark = ON_SQLITE


async def test_credit_show_list_verify(api: httpx.AsyncClient) -> None:
    await api.post("/api/users", json={"name": "alice"})
    body = {"amount": "10.50", "reference": "invoice-1", "note": "paid"}
    first = await api.post("/api/users/alice/balance", json=body)
    assert (first.status_code, first.json()["applied"], first.json()["balance"]["total"]) == (201, True, "10.5")
    again = await api.post("/api/users/alice/balance", json=body)
    assert (again.status_code, again.json()["applied"], again.json()["entry"]) == (200, False, first.json()["entry"])
    taken = await api.post("/api/users/alice/balance", json={"amount": "-1", "kind": "adjustment"})
    assert taken.json()["balance"]["total"] == "9.5"
    assert taken.json()["entry"]["reference"].startswith("adjustment:")
    shown = (await api.get("/api/users/alice/balance")).json()
    assert shown == {"user": "alice", "unlimited": False, "total": "9.5", "remaining": "9.5", "outstanding": "0"}
    page = (await api.get("/api/users/alice/ledger?limit=1")).json()
    rest = (await api.get("/api/users/alice/ledger", params={"limit": 1, "after": page["next"]})).json()
    assert [entry["amount"] for entry in (*page["data"], *rest["data"])] == ["-1", "10.5"]
    assert rest["data"][0]["note"] == "paid"
    assert len((await api.get("/api/ledger?kind=topup")).json()["data"]) == 1
    assert (await api.get("/api/ledger/verify")).json()["ok"] is True


async def test_refusals_have_a_status(api: httpx.AsyncClient) -> None:
    await api.post("/api/users", json={"name": "alice"})
    for body, status, code in (
        ({"amount": "-1", "kind": "adjustment"}, 402, "insufficient_balance"),
        ({"amount": 1}, 400, "invalid_value"),
        ({"amount": "-1"}, 400, "invalid_value"),
    ):
        answer = await api.post("/api/users/alice/balance", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert (await api.post("/api/users/nobody/balance", json={"amount": "1"})).status_code == 404
    await api.post("/api/users/alice/balance", json={"amount": "1", "reference": "r"})
    answer = await api.post("/api/users/alice/balance", json={"amount": "2", "reference": "r"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (409, "reference")
    for path in ("/api/users/alice/balance", "/api/users/alice/ledger", "/api/ledger", "/api/ledger/verify"):
        assert (await api.get(path, headers={"authorization": "Bearer x"})).status_code == 401
