"""What a key's holder sees of its money: key, receipts, and the pages that chat clients ask for."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrepot.buckets import accounts
from entrepot.compose.prepare import prepare
from entrepot.core.money import parse_usd
from entrepot.kit.ids import key_hash
from entrepot.settings import Handoff
from entrepot.store.feed import KEY, announcement
from entrepot.store.raw import open_database
from tests.gateways import GatewayUnderTest, running_gateway

CONFIG = """
[[model]]
name = "sandbox/*"
price.input = "1"
price.output = "1000"
rpm = 5000
[[group]]
name = "default"
tpm = 90000
[[model]]
name = "gpt-*"
rpm = 10
[[user]]
name = "ada"
balance = "10"
concurrency = 50
[[key]]
name = "app"
user = "ada"
secret = "sk-ada-app-key"
quota = "2.5"
models = ["sandbox/echo", "sandbox/story*"]
rpm = 600
[[user]]
name = "eve"
balance = "10"
budget = { day = "0.2", total = "50" }
[[key]]
name = "third"
user = "eve"
secret = "sk-eve-third-key"
budget.week = "4"
[[user]]
name = "bob"
balance = "1"
[[key]]
name = "other"
user = "bob"
secret = "sk-bob-other-key"
"""
ASK = {"model": "sandbox/echo", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 100}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[GatewayUnderTest]:
    async with running_gateway(tmp_path / "data") as made:
        config = tmp_path / "money.toml"
        config.write_text(CONFIG)
        await prepare(Handoff(settings=made.settings, role="prepare", config=str(config)))
        async with holder(made, "sk-bob-other-key") as client, asyncio.timeout(5):
            while (await client.post("/v1/chat/completions", json=ASK)).headers.get("x-entrepot-cost", "0") == "0":
                await asyncio.sleep(0.05)  # until the feed has brought the prices
        yield made


def holder(gateway: GatewayUnderTest, secret: str = "sk-ada-app-key") -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=gateway.base, headers={"authorization": f"Bearer {secret}"}, timeout=20)


async def key(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/v1/key")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_key_and_receipt(gateway: GatewayUnderTest) -> None:
    async with holder(gateway) as client:
        before = await key(client)
        assert (before["object"], before["name"], before["quota"], before["balance"]) == ("key", "app", "2.5", "10")
        assert (before["used"], before["remaining"], before["limits"]["rpm"]) == ("0", "2.5", 600)
        answer = await client.post("/v1/chat/completions", json=ASK)
        usage, cost = answer.json()["usage"], answer.headers["x-entrepot-cost"]
        assert float(cost) == pytest.approx(usage["prompt_tokens"] / 1e6 + usage["completion_tokens"] / 1e3)
        receipt = (await client.get(f"/v1/receipts/{answer.headers['x-request-id']}")).json()
        assert (receipt["object"], receipt["status"], receipt["charge"], receipt["basis"]) == ("receipt", "ok", cost, "vendor")
        assert receipt["usage"]["output"] == usage["completion_tokens"]
        assert receipt["prices"]["output"] == "1000"
        assert receipt["attempts"][0]["status"] == 200
        after = await key(client)
        assert float(after["used"]) == pytest.approx(float(cost))
        assert float(after["balance"]) == pytest.approx(10 - float(cost))
        assert float(after["remaining"]) == pytest.approx(2.5 - float(cost))
        for path in ("/key", "/v1/v1/key"):
            assert (await client.get(path)).status_code == 200


async def test_all_limits_that_bind_a_key_are_shown(gateway: GatewayUnderTest) -> None:
    nothing = {"rpm": None, "tpm": None, "concurrency": None}
    account = {"of": "account", "name": "", **nothing, "concurrency": 50}
    group = {"of": "group", "name": "default", **nothing, "tpm": 90000}
    models = [{"of": "model", "name": name, **nothing, "rpm": rpm} for name, rpm in (("sandbox/*", 5000), ("gpt-*", 10))]
    async with holder(gateway) as ada, holder(gateway, "sk-bob-other-key") as bob:
        assert (await key(ada))["limits"] == {**nothing, "rpm": 600, "shared": [account, group, models[0]]}
        assert (await key(bob))["limits"] == {**nothing, "shared": [group, *models]}


async def test_a_quota_that_was_just_raised_is_shown(gateway: GatewayUnderTest) -> None:
    async with holder(gateway) as client:
        assert (await key(client))["quota"] == "2.5"  # from here on the worker's cache knows the key
        database = await open_database(gateway.settings.database)
        try:
            bucket = (await accounts.find(database, [accounts.quota_ref(2)]))[accounts.quota_ref(2)]
            await accounts.set_cap(database, bucket, parse_usd("4"))  # and nothing tells the worker
        finally:
            await database.close()
        after = await key(client)
        assert (after["quota"], after["remaining"]) == ("4", "4")


async def test_budgets_bind_are_shown_and_renew(gateway: GatewayUnderTest) -> None:
    database = await open_database(gateway.settings.database)
    async with holder(gateway, "sk-eve-third-key") as eve:
        view = await key(eve)
        shown = {(each["of"], each["period"]): each for each in view["budgets"]}
        assert list(shown) == [("key", "week"), ("account", "day"), ("account", "total")]
        renews = shown["account", "day"].pop("renews_at")
        assert shown["account", "day"] == {"of": "account", "period": "day", "limit": "0.2", "spent": "0", "remaining": "0.2"}
        assert (shown["account", "total"]["renews_at"], view["remaining"], view["quota"]) == (None, "0.2", None)
        first = await eve.post("/v1/chat/completions", json=ASK | {"model": "sandbox/story:150@100000", "max_tokens": 150})
        assert first.status_code == 200
        refused = await eve.post("/v1/chat/completions", json=ASK | {"stream": True})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["type"]) == (402, "insufficient_quota", "insufficient_quota")
        assert "This account's daily budget of 0.2 USD cannot pay for this call." in error["message"]
        assert f"It renews at {renews}." in error["message"]
        assert refused.headers["x-should-retry"] == "false"
        assert "retry-after" not in refused.headers
        spent = [each["spent"] for each in (await key(eve))["budgets"]]
        assert spent == [first.headers["x-entrepot-cost"]] * 3
        # The day ends: as if it had ended in two seconds, for a worker that looks the key up now.
        soon = round((time.time() + 2) * 1_000_000)
        bucket = "(SELECT bucket_id FROM budgets WHERE period = 'day')"
        await database.execute(f"UPDATE buckets SET ends_at = $1, ref = ref || ':was' WHERE id = {bucket}", soon)
        await database.transaction(announcement(database.dialect, KEY, key_hash("sk-eve-third-key")))
        assert (await eve.post("/v1/chat/completions", json=ASK | {"stream": True})).status_code == 402
        async with asyncio.timeout(10):
            while (await eve.post("/v1/chat/completions", json=ASK)).status_code != 200:
                await asyncio.sleep(0.1)
        day = next(each for each in (await key(eve))["budgets"] if each["period"] == "day")
        assert float(day["spent"]) < 0.1
        assert day["renews_at"] == renews
    await database.close()


async def test_a_receipt_belongs_to_its_account(gateway: GatewayUnderTest) -> None:
    async with holder(gateway) as ada, holder(gateway, "sk-bob-other-key") as bob:
        answer = await ada.post("/v1/chat/completions", json=ASK)
        path = f"/v1/receipts/{answer.headers['x-request-id']}"
        assert (await ada.get(path)).status_code == 200
        assert (await bob.get(path)).status_code == 404
        assert (await ada.get("/v1/receipts/nonsense")).status_code == 404
        assert (await ada.post(path)).status_code == 405


async def test_the_pages_that_chat_clients_ask_for(gateway: GatewayUnderTest) -> None:
    async with holder(gateway) as client:
        await client.post("/v1/chat/completions", json=ASK)
        await asyncio.sleep(0.6)
        subscription = (await client.get("/v1/dashboard/billing/subscription")).json()
        usage = (await client.get("/v1/dashboard/billing/usage?start_date=2026-01-01&end_date=2026-12-31")).json()
        assert subscription["object"] == "billing_subscription"
        assert subscription["hard_limit_usd"] == pytest.approx(2.5)
        assert usage["total_usage"] > 0
        left = subscription["hard_limit_usd"] - usage["total_usage"] / 100
        assert left == pytest.approx(float((await key(client))["remaining"]))


async def test_an_empty_balance_is_402_with_the_sdks_hint_not_to_retry(gateway: GatewayUnderTest) -> None:
    async with holder(gateway, "sk-bob-other-key") as client:
        answer = await client.post("/v1/chat/completions", json=ASK | {"max_tokens": 900, "n": 2, "stream": False})
        statuses = {answer.status_code}
        while answer.status_code == 200:
            answer = await client.post("/v1/chat/completions", json=ASK | {"model": "sandbox/story:400@100000"})
            statuses.add(answer.status_code)
        assert answer.status_code == 402
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"]["code"] == "insufficient_quota"
