"""Configuration files on both databases: applying twice changes nothing, a mistake changes nothing."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from entrepot.control.apply import apply
from entrepot.control.channels import service as channels
from entrepot.control.errors import InvalidError
from entrepot.control.keys import service as keys
from entrepot.control.models import service as models
from entrepot.control.services import Services
from entrepot.control.settings import service as settings
from entrepot.control.wallets import entries
from entrepot.control.wallets import service as wallets
from entrepot.kit.clock import ManualClock
from entrepot.store.schema import users
from tests.control.conftest import ON_SQLITE, Feed

TEXT = """
[server]
port = 3000
[[group]]
name = "default"
ratio = "1"
[[group]]
name = "vip"
ratio = "0.8"
public = false
[[model]]
name = "gpt-4o-mini"
price.input = "0.15"
price.output = "0.60"
disconnect = "drain"
[[channel]]
provider = "deepseek"
keys = ["sk-1", "sk-2"]
model_map = { fast = "deepseek-chat" }
groups = ["default", "vip"]
limits = { max_connections = 9 }
[[user]]
name = "alice"
group = "vip"
password = "long enough"
balance = "10.0"
[[key]]
secret = "sk-fixed-0123456789"
quota = "5"
expires = "30d"
[[key]]
secret = "short-one"
unlimited = true
[[key]]
name = "laptop"
user = "alice"
group = ["vip", "default"]
ips = ["10.0.0.0/8"]
rpm = 60
"""


def tables() -> dict[str, Any]:
    return tomllib.loads(TEXT)


async def test_twice_changes_nothing(services: Services, clock: ManualClock, fed: Feed) -> None:
    await fed()
    first = await apply(services, tables())
    assert (first.count("created"), first.count("unchanged")) == (7, 1)
    assert len(await fed()) == 4  # one for the configuration, one a key
    clock.advance(3600)
    second = await apply(services, tables())
    assert (second.count("created"), second.count("updated"), second.count("unchanged")) == (0, 0, 8)
    assert await fed() == []
    minted = [row.secret for row in first.rows if row.secret]
    assert len(minted) == 1
    assert any(minted[0] in note for note in first.notes)
    assert not any(row.secret for row in second.rows)


async def test_what_the_file_says_holds_and_the_rest_stays(services: Services) -> None:
    await apply(services, tables())
    changed = tables()
    changed["channel"] = [{"provider": "deepseek", "priority": 9}]
    changed["model"] = [{"name": "gpt-4o-mini", "price": {"output": "0.7"}}]
    changed["key"] = [{"name": "laptop", "user": "alice", "rpm": 5}]
    report = await apply(services, changed)
    assert {row.name: row.result for row in report.rows if row.result != "unchanged"} == {
        "deepseek": "updated",
        "gpt-4o-mini": "updated",
        "laptop": "updated",
    }
    async with services.reading() as tx:
        channel = await channels.get(tx, "deepseek")
        assert (channel.priority, len(channel.keys), channel.limits.max_connections) == (9, 2, 9)
        model = await models.get(tx, "gpt-4o-mini")
        assert (model.prices, model.disconnect) == ({"input": "0.15", "output": "0.7"}, "drain")
        key = await keys.get(tx, await keys.resolve(tx, "laptop"))
        assert (key.rpm, key.groups, key.ips) == (5, ["vip", "default"], ["10.0.0.0/8"])


async def test_an_opening_balance_is_paid_once(services: Services) -> None:
    first = await apply(services, tables())
    assert any("'alice': the opening balance of 10 USD is paid" in note for note in first.notes)
    assert (await apply(services, tables())).notes == []
    other = tables()
    other["user"][0]["balance"] = "99"
    again = await apply(services, other)
    assert any("stays 10 USD" in note for note in again.notes)
    assert again.count("unchanged") == 8
    async with services.reading() as tx:
        assert (await wallets.balance(tx, "alice")).total == "10"
        assert [entry.reference for entry in (await entries.list_page(tx, 10)).data] == ["opening:alice"]


async def test_what_was_noted_before_there_were_wallets_is_paid(services: Services) -> None:
    async with services.transaction() as tx:
        await settings.write(tx, "opening:alice", "7")
    assert any("7 USD is paid" in note for note in (await apply(services, tables())).notes)
    async with services.reading() as tx:
        assert (await wallets.balance(tx, "alice")).total == "7"
        assert await settings.read(tx, "opening:alice") is None


async def test_an_opening_balance_added_later_is_an_update(services: Services) -> None:
    await apply(services, {"user": [{"name": "bob"}]})
    rows = {"user": [{"name": "bob", "balance": "1"}]}
    assert (await apply(services, rows)).count("updated") == 1
    assert (await apply(services, rows)).count("unchanged") == 1
    assert (await apply(services, {"user": [{"name": "bob", "balance": "0"}]})).count("unchanged") == 1
    with pytest.raises(InvalidError, match="has no wallet to fill"):
        await apply(services, {"user": [{"name": "installation", "balance": "1"}]})


async def test_tiers_of_a_model(services: Services) -> None:
    rows = {"model": [{"name": "m", "price": {"input": "1"}, "tiers": [{"prompt_over": 200_000, "price": {"input": "2"}}]}]}
    assert (await apply(services, rows)).count("created") == 1
    assert (await apply(services, rows)).count("unchanged") == 1
    async with services.reading() as tx:
        model = await models.get(tx, "m")
    assert (model.prices, [(tier.conditions, tier.prices) for tier in model.tiers]) == (
        {"input": "1"},
        [({"prompt_over": 200_000}, {"input": "2"})],
    )


@ON_SQLITE
@pytest.mark.parametrize(
    ("table", "row", "message"),
    [
        ("chanel", {}, "f.toml: there is no table [[chanel]]. Did you mean 'channel'?"),
        ("channel", {"provider": "openai", "kyes": ["k"]}, "f.toml: [[channel]] 1 ('openai'): kyes: is not a known field."),
        ("channel", {"provider": "openai", "kyes": ["k"]}, "Did you mean 'keys'?"),
        ("channel", {"provider": "opnai", "keys": ["k"]}, "provider: there is no provider 'opnai'. Did you mean 'openai'?"),
        ("channel", {"name": "x"}, "[[channel]] 1 ('x'): provider: is missing"),
        ("channel", {"provider": "openai", "keys": ["env:NO_SUCH_VARIABLE"]}, "the variable 'NO_SUCH_VARIABLE' is not set"),
        ("model", {"name": "m", "price": {"inptu": "1"}}, "price.inptu: is not a known field. Did you mean 'input'?"),
        ("model", {"name": "m", "price": {"input": 0.15}}, "price.input: is a decimal in quotes"),
        ("group", {"name": "g", "ratio": "x"}, "[[group]] 1 ('g'): ratio: 'x' is not a ratio"),
        ("user", {"name": "u", "balance": "-1"}, "balance: '-1' is negative"),
        ("user", {"name": "u", "group": "vpi"}, "group: there is no group 'vpi'"),
        ("key", {"rpm": 5}, "[[key]] 1: name: a key without a secret needs a name"),
        ("key", {"name": "k", "user": "nobody"}, "There is no user 'nobody'"),
        ("key", {"name": "k", "quota": "5", "unlimited": True}, "exclude each other"),
    ],
)
async def test_mistakes_are_named_and_change_nothing(
    services: Services, fed: Feed, table: str, row: dict[str, Any], message: str
) -> None:
    await fed()
    with pytest.raises(InvalidError) as caught:
        await apply(services, {"user": [{"name": "before"}], table: [row]}, "f.toml")
    assert message in caught.value.message
    assert await fed() == []
    async with services.reading() as tx:
        assert await tx.scalar(select(users.c.id).where(users.c.name == "before")) is None


@ON_SQLITE
async def test_shapes_that_are_no_tables(services: Services) -> None:
    for rows in ({"name": "g"}, "x", ["x"]):
        with pytest.raises(InvalidError, match="two brackets"):
            await apply(services, {"group": rows})
    with pytest.raises(InvalidError, match="'g' stands twice"):
        await apply(services, {"group": [{"name": "g"}, {"name": "g"}]})
    assert (await apply(services, {})).rows == []
    assert (await apply(services, {"server": {"port": 1}})).rows == []


@ON_SQLITE
async def test_keys_are_known_by_their_secret(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_KEY", "sk-from-environment")
    rows = {"key": [{"secret": "env:CLIENT_KEY", "name": "a"}, {"secret": "sk-another-one", "name": "a"}]}
    assert (await apply(services, rows)).count("created") == 2
    rows["key"][0]["name"] = "renamed"
    assert (await apply(services, rows)).count("updated") == 1
    rows["key"][0]["user"] = "installation"
    assert (await apply(services, rows)).count("unchanged") == 2
    await apply(services, {"user": [{"name": "alice"}]})
    with pytest.raises(InvalidError, match="belongs to 'installation'"):
        await apply(services, {"key": [{"secret": "sk-another-one", "user": "alice"}]})


@ON_SQLITE
async def test_the_example_file(services: Services) -> None:
    file = Path(__file__).parents[2] / "entrepot.example.toml"
    assert (await apply(services, tomllib.loads(file.read_text()))).rows
