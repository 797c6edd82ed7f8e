"""No overdraft: 200 calls at once on a balance that pays for 20, over two workers and over two nodes.

Then 200 calls of three keys that share a team's budget: each key with a cap of its own, on its own wallet's money.
"""

import asyncio
import base64
import os
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

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
[[user]]
name = "team"
balance = "2"
budget = {{ day = "{budget}", month = "100" }}
[[key]]
name = "red"
user = "team"
secret = "sk-team-red-key"
quota = "0.5"
[[key]]
name = "green"
user = "team"
secret = "sk-team-green-key"
budget.week = "0.75"
[[key]]
name = "blue"
user = "team"
secret = "sk-team-blue-key"
quota = "7"
budget = {{ day = "0.25", total = "0.3" }}
"""
PRICE = Fraction("0.05")
MOST = {"red": 10, "green": 15, "blue": 5}
"""Calls that each of the team's keys may make, whatever the others do."""
ASK = {"model": "sandbox/echo!slow=0.05", "messages": [{"role": "user", "content": "Hello"}]}


async def call(client: httpx.AsyncClient, base: str, secret: str) -> int:
    """One call, tried again while it is told that the balance is on hold."""
    for _ in range(200):
        headers = {"authorization": f"Bearer {secret}"}
        answer = await client.post(base + "/v1/chat/completions", json=ASK, headers=headers)
        if answer.status_code != 429:
            return answer.status_code
        assert answer.json()["error"]["code"] == "balance_on_hold"
        await asyncio.sleep(0.25)
    return 429


async def two_hundred(bases: Sequence[str], *names: str) -> dict[str, Counter[int]]:
    """Statuses by key, which take turns."""
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        who = [names[n % len(names)] for n in range(200)]
        calls = (call(client, bases[n // 2 % len(bases)], f"sk-{name}-key") for n, name in enumerate(who))
        found = list(zip(who, await asyncio.gather(*calls), strict=True))
    return {name: Counter(status for owner, status in found if owner == name) for name in names}


def shown(made: Installation, path: str) -> Any:
    answer = httpx.get(f"{made.base}/api/{path}", headers={"authorization": f"Bearer {made.admin_token}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


def settled(made: Installation, user: str, total: str) -> bool:
    """Has all that was spent reached the wallet?"""
    deadline = time.monotonic() + 10
    while (found := shown(made, f"users/{user}/balance")["total"]) != total and time.monotonic() < deadline:
        time.sleep(0.2)
    return found == total


def check_one(made: Installation, bases: Sequence[str]) -> None:
    statuses = asyncio.run(two_hundred(bases, "ada-app"))
    assert statuses == {"ada-app": {200: 20, 402: 180}}
    assert settled(made, "ada", "0")


def check_team(made: Installation, bases: Sequence[str], calls: int) -> None:
    """The team's budget pays for `calls`: no cap is exceeded, and nobody is refused while all that bind it could pay."""
    statuses = asyncio.run(two_hundred(bases, *(f"team-{name}" for name in MOST)))
    served = {name: statuses[f"team-{name}"][200] for name in MOST}
    assert all(set(found) <= {200, 402} for found in statuses.values()), statuses
    assert sum(served.values()) == calls, statuses
    if calls == sum(MOST.values()):
        assert served == MOST
    assert all(served[name] <= most for name, most in MOST.items()), statuses
    assert settled(made, "team", f"{float(2 - calls * PRICE):g}")
    user, keys = shown(made, "users/team"), {key["name"]: key for key in shown(made, "keys?user=team")["data"]}
    assert spent(user["budgets"]) == {"day": calls * PRICE, "month": calls * PRICE}
    assert [budget["remaining"] for budget in user["budgets"] if budget["period"] == "day"] == ["0"]
    assert Fraction(keys["red"]["used"]) == served["red"] * PRICE
    assert Fraction(keys["blue"]["used"]) == served["blue"] * PRICE
    assert spent(keys["green"]["budgets"]) == {"week": served["green"] * PRICE}
    assert spent(keys["blue"]["budgets"]) == dict.fromkeys(("day", "total"), served["blue"] * PRICE)
    for budget in (*user["budgets"], *(budget for key in keys.values() for budget in key["budgets"])):
        assert Fraction(budget["spent"]) + Fraction(budget["remaining"]) == Fraction(budget["limit"])
    made.run("ledger", "verify")


def spent(budgets: list[dict[str, str]]) -> dict[str, Fraction]:
    return {budget["period"]: Fraction(budget["spent"]) for budget in budgets}


@pytest.mark.parametrize(("quota", "budget"), [("100", "1.5"), ("1", "1")])
def test_two_workers_on_sqlite(tmp_path: Path, quota: str, budget: str) -> None:
    config = tmp_path / "money.toml"
    config.write_text(CONFIG.format(quota=quota, budget=budget))
    with serve(tmp_path / "data", "--workers", "2", "--config", str(config)) as made:
        check_one(made, [made.base])
        check_team(made, [made.base], int(Fraction(budget) / PRICE))


def test_two_nodes_on_postgresql(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Tried again from the start where a client's connection was reset: what it paid for is unknown then.

    Seen under heavy load only, with a cause that is not found yet; it says nothing about the sums.
    """
    try:
        two_nodes(postgres_server, tmp_path / "first", "entrepot")
    except httpx.ReadError as error:
        warnings.warn(f"a connection was reset: {error!r}", stacklevel=1)
        two_nodes(postgres_server, tmp_path / "second", "entrepot_again")


def two_nodes(postgres_server: PostgresServer, tmp_path: Path, database: str) -> None:
    tmp_path.mkdir()
    postgres_server.sql(f"CREATE DATABASE {database}")
    config = tmp_path / "money.toml"
    config.write_text(CONFIG.format(quota="100", budget="1.5"))
    environment = {
        "ENTREPOT_DATABASE_URL": postgres_server.url(database),
        "ENTREPOT_SECRET_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }
    with (
        serve(tmp_path / "one", "--config", str(config), environment=environment) as one,
        serve(tmp_path / "two", environment=environment) as two,
    ):
        check_one(one, [one.base, two.base])
        check_team(one, [one.base, two.base], 30)
