"""Channels on both databases, as the snapshot then has them."""

import pytest

from entrepot.control.channels import service
from entrepot.control.channels.schemas import ChannelCreate, ChannelUpdate
from entrepot.control.errors import ConflictError, InvalidError, NotFoundError
from entrepot.control.problems import read
from entrepot.control.services import Services
from entrepot.kit import json
from entrepot.kit.clock import ManualClock, iso
from entrepot.providers.places import Places
from entrepot.snapshot.load import load
from entrepot.store.raw import Database
from tests.control.conftest import Feed

FULL = {
    "name": "east",
    "provider": "openai",
    "base_url": "https://relay.example/v1/",
    "keys": ["sk-1", "sk-2"],
    "models": ["gpt-4o*"],
    "model_map": {"fast": "gpt-4o-mini"},
    "priority": 5,
    "weight": 3,
    "headers": {"X-Team": "a"},
    "overrides": {"temperature": 0.5},
    "proxy": "socks5://user:secret@127.0.0.1:1080",
    "limits": {"max_connections": 7},
    "timeouts": {"first_byte": 30},
}


async def test_what_is_written_is_what_the_snapshot_reads(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        view = await service.create(tx, read(ChannelCreate, FULL))
    assert view.proxy == "socks5://user:…@127.0.0.1:1080"
    snapshot = await load(db, services.vault, Places(services.catalogue))
    (channel,) = snapshot.channels
    assert (channel.name, channel.provider, channel.prefix, channel.origin.host) == ("east", "openai", "/v1", "relay.example")
    assert channel.origin.proxy == FULL["proxy"]
    assert [key.secret for key in channel.keys] == ["sk-1", "sk-2"]
    assert (channel.models, dict(channel.model_map), channel.groups) == (("gpt-4o*",), {"fast": "gpt-4o-mini"}, ("default",))
    assert (channel.priority, channel.weight, channel.max_connections) == (5, 3, 7)
    assert (channel.timeouts.first_byte, channel.timeouts.connect) == (30, 10)
    assert channel.headers == ((b"x-team", b"a"),)
    assert json.decode(bytes(channel.overrides["temperature"])) == 0.5


async def test_the_least_that_must_be_said(services: Services) -> None:
    async with services.transaction() as tx:
        view = await service.create(tx, ChannelCreate(provider="DeepSeek", keys=["sk-1"]))
    assert (view.name, view.provider, view.models, view.groups) == ("deepseek", "deepseek", ["deepseek-*"], ["default"])


async def test_change_announces_only_what_changes(services: Services, fed: Feed) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL))
    await fed()
    same = {name: value for name, value in FULL.items() if name != "name"}
    async with services.transaction() as tx:
        await service.update(tx, "east", read(ChannelUpdate, same))
    assert await fed() == []
    async with services.transaction() as tx:
        changed = await service.update(tx, "east", ChannelUpdate(status="disabled", weight=0))
        assert (changed.status, changed.weight, changed.priority) == ("disabled", 0, 5)
    assert await fed() == [("snapshot", "")]


async def test_a_removed_channel_forgets_its_keys_and_frees_its_name(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL))
        await service.remove(tx, "east")
        with pytest.raises(NotFoundError):
            await service.get(tx, "east")
    assert await db.fetch("SELECT * FROM channel_keys") == []
    assert (await load(db, services.vault, Places(services.catalogue))).channels == ()
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL))
        assert len((await service.list_page(tx, 10)).data) == 1


async def test_refusals(services: Services) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL))
        with pytest.raises(ConflictError, match="already a channel 'east'"):
            await service.create(tx, read(ChannelCreate, FULL))
        with pytest.raises(InvalidError, match="no group 'vip'"):
            await service.update(tx, "east", ChannelUpdate(groups=["vip"]))
        with pytest.raises(InvalidError, match="at least one key"):
            await service.update(tx, "east", ChannelUpdate(keys=[]))


async def test_keys_one_by_one(services: Services) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, {**FULL, "keys": ["sk-1"]}))
        view = await service.add_key(tx, "east", "sk-2")
        assert len(view.keys) == 2
        view = await service.remove_key(tx, "east", view.keys[0].id)
        assert len(view.keys) == 1
        with pytest.raises(InvalidError, match="at least one key"):
            await service.remove_key(tx, "east", view.keys[0].id)


async def _rests(db: Database, status: str, until: int, tries: int = 0) -> None:
    change = "UPDATE channel_keys SET status = $1, reason = 'why', rests_until = $2, tries = $3"
    await db.execute(change, status, until, tries)


async def test_what_workers_found_out_is_shown(services: Services, db: Database, clock: ManualClock) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL))
    now = round(clock.wall() * 1_000_000)
    await _rests(db, "cooled", now + 30_000_000)
    async with services.reading() as tx:
        key = (await service.get(tx, "east")).keys[0]
    assert (key.status, key.reason, key.until) == ("cooled", "why", iso(clock.wall() + 30))
    await _rests(db, "cooled", now - 1)
    async with services.reading() as tx:
        key = (await service.get(tx, "east")).keys[0]
    assert (key.status, key.reason, key.until) == ("enabled", "", None), "over, and nobody wrote that down"
    await _rests(db, "broken", now - 1, 2)
    async with services.reading() as tx:
        key = (await service.get(tx, "east")).keys[0]
    assert (key.status, key.reason, key.tries) == ("broken", "why", 2)


async def test_reset_frees_the_keys_and_tells_the_workers(services: Services, db: Database, fed: Feed) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, read(ChannelCreate, FULL))
    await _rests(db, "broken", 2**50, 3)
    await db.execute("UPDATE channel_keys SET status = 'disabled' WHERE id = $1", made.keys[1].id)
    await fed()
    async with services.transaction() as tx:
        keys = (await service.reset(tx, "east")).keys
    assert (keys[0].status, keys[0].until, keys[0].tries) == ("enabled", None, 0)
    assert keys[1].status == "disabled", "that is the operator's own word"
    assert await fed() == [("vendor_key", str(made.id))]


@pytest.mark.parametrize("change", [{"base_url": "https://other.example/v1"}, {"headers": {"a": "b"}}, {"proxy": ""}])
async def test_another_way_to_the_vendor_starts_anew(services: Services, db: Database, fed: Feed, change: object) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, read(ChannelCreate, FULL))
    await _rests(db, "broken", 2**50, 3)
    await fed()
    async with services.transaction() as tx:
        assert (await service.update(tx, "east", read(ChannelUpdate, change))).keys[0].status == "enabled"
    assert set(await fed()) == {("vendor_key", str(made.id)), ("snapshot", "")}
    await _rests(db, "broken", 2**50, 3)
    async with services.transaction() as tx:
        assert (await service.update(tx, "east", ChannelUpdate(weight=9))).keys[0].status == "broken"


async def test_limits_of_the_vendor_are_set_kept_and_lifted(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        await service.create(tx, read(ChannelCreate, FULL | {"limits": {"max_connections": 7, "rpm": 60, "tpm": 1000}}))
        view = await service.update(tx, "east", read(ChannelUpdate, {"limits": {"concurrency": 5, "rpm": "unlimited"}}))
    assert (view.limits.max_connections, view.limits.concurrency, view.limits.rpm, view.limits.tpm) == (7, 5, None, 1000)
    (channel,) = (await load(db, services.vault, Places(services.catalogue))).channels
    assert channel.limits is not None
    assert (channel.max_connections, channel.limits.concurrency, channel.limits.rpm, channel.limits.tpm) == (7, 5, None, 1000)
