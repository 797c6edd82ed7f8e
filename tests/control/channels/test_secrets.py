"""Vendor keys on both databases."""

import pytest

from entrepot.control.channels import secrets, service
from entrepot.control.channels.schemas import ChannelCreate
from entrepot.control.errors import ConflictError, InvalidError, NotFoundError
from entrepot.control.services import Services
from entrepot.store.raw import Database
from tests.control.conftest import Feed


async def _made(services: Services, *keys: str) -> int:
    async with services.transaction() as tx:
        return (await service.create(tx, ChannelCreate(provider="openai", keys=list(keys)))).id


async def _plain(services: Services, channel_id: int) -> list[tuple[int, str]]:
    async with services.reading() as tx:
        rows = (await secrets.of_channels(tx, [channel_id]))[channel_id]
    return [(row["id"], secrets.unsealed(services.vault, row)) for row in rows]


async def test_sealed_in_the_database(services: Services, db: Database) -> None:
    channel_id = await _made(services, "sk-vendor-secret-0123456789")
    (row,) = await db.fetch("SELECT secret, hint FROM channel_keys")
    assert b"vendor" not in bytes(row[0])
    assert row[1] == "sk-vend…6789"
    assert [plain for _, plain in await _plain(services, channel_id)] == ["sk-vendor-secret-0123456789"]


async def test_keys_that_stay_keep_their_row(services: Services, fed: Feed) -> None:
    channel_id = await _made(services, "a", "b", "c")
    ids = {plain: key_id for key_id, plain in await _plain(services, channel_id)}
    await fed()
    async with services.transaction() as tx:
        await secrets.replace(tx, channel_id, ["c", "d", "a", "a"])
    assert [plain for _, plain in await _plain(services, channel_id)] == ["c", "d", "a"]
    after = {plain: key_id for key_id, plain in await _plain(services, channel_id)}
    assert (after["a"], after["c"]) == (ids["a"], ids["c"])
    assert await fed() == [("snapshot", "")]
    async with services.transaction() as tx:
        await secrets.replace(tx, channel_id, ["c", "d", "a"])
    assert await fed() == []


async def test_add_and_remove_one(services: Services) -> None:
    channel_id = await _made(services, "a")
    async with services.transaction() as tx:
        await secrets.add(tx, channel_id, "b")
        with pytest.raises(ConflictError):
            await secrets.add(tx, channel_id, "b")
        assert await secrets.count(tx, channel_id) == 2
    (first, _), (second, _) = await _plain(services, channel_id)
    async with services.transaction() as tx:
        await secrets.remove(tx, channel_id, first)
        with pytest.raises(NotFoundError):
            await secrets.remove(tx, channel_id + 1, second)
        with pytest.raises(NotFoundError):
            await secrets.remove(tx, channel_id, 999)
    assert await _plain(services, channel_id) == [(second, "b")]


def test_a_variable_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENDOR_KEY", " sk-1\n")
    assert secrets.resolve(["env:VENDOR_KEY", "sk-2"]) == ["sk-1", "sk-2"]
    monkeypatch.setenv("VENDOR_KEY", "")
    for name in ("VENDOR_KEY", "VENDOR_KEY_THAT_IS_NOT_THERE"):
        with pytest.raises(InvalidError, match=name):
            secrets.resolve([f"env:{name}"])


async def test_a_reset_leaves_other_channels_alone(services: Services, db: Database) -> None:
    first = await _made(services, "a")
    async with services.transaction() as tx:
        await service.create(tx, ChannelCreate(name="other", provider="openai", keys=["b"]))
    await db.execute("UPDATE channel_keys SET status = 'broken'")
    async with services.transaction() as tx:
        await secrets.reset(tx, first)
    assert await db.fetch("SELECT status FROM channel_keys ORDER BY id") == [("enabled",), ("broken",)]
