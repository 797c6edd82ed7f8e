"""No overdraft: 200 calls at once on a balance that pays for 20, over two workers and over two nodes."""

import asyncio
import base64
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.databases import PostgresServer
from tests.installation import Installation, serve

CONFIG = """
[[model]]
name = "sandbox/*"
price.call = "0.05"
price.input = "0"
[[user]]
name = "ada"
balance = "1"
[[key]]
name = "app"
user = "ada"
secret = "sk-ada-app-key"
quota = "{quota}"
"""
ASK = {"model": "sandbox/echo!slow=0.05", "messages": [{"role": "user", "content": "Hello"}]}


async def call(client: httpx.AsyncClient, base: str) -> int:
    """One call, tried again while it is told that the balance is on hold."""
    for _ in range(200):
        answer = await client.post(base + "/v1/chat/completions", json=ASK)
        if answer.status_code != 429:
            return answer.status_code
        assert answer.json()["error"]["code"] == "balance_on_hold"
        await asyncio.sleep(0.1)
    return 429


async def two_hundred(bases: Sequence[str]) -> Counter[int]:
    limits = httpx.Limits(max_connections=200)
    headers = {"authorization": "Bearer sk-ada-app-key"}
    async with httpx.AsyncClient(headers=headers, timeout=60, limits=limits) as client:
        return Counter(await asyncio.gather(*(call(client, bases[n % len(bases)]) for n in range(200))))


def check(made: Installation, statuses: Counter[int]) -> None:
    assert statuses == {200: 20, 402: 180}
    deadline = time.monotonic() + 10
    while '"0"' not in (shown := made.run("balance", "show", "ada", "--json")) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert '"total": "0"' in shown or '"total":"0"' in shown, shown
    made.run("ledger", "verify")


@pytest.mark.parametrize("quota", ["100", "1"])
def test_two_workers_on_sqlite(tmp_path: Path, quota: str) -> None:
    config = tmp_path / "money.toml"
    config.write_text(CONFIG.format(quota=quota))
    with serve(tmp_path / "data", "--workers", "2", "--config", str(config)) as made:
        check(made, asyncio.run(two_hundred([made.base])))


def test_two_nodes_on_postgresql(postgres_server: PostgresServer, tmp_path: Path) -> None:
    postgres_server.sql("CREATE DATABASE entrepot")
    config = tmp_path / "money.toml"
    config.write_text(CONFIG.format(quota="100"))
    environment = {
        "ENTREPOT_DATABASE_URL": postgres_server.url("entrepot"),
        "ENTREPOT_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }
    with (
        serve(tmp_path / "one", "--config", str(config), environment=environment) as one,
        serve(tmp_path / "two", environment=environment) as two,
    ):
        check(one, asyncio.run(two_hundred([one.base, two.base])))
