"""Groups on both databases."""

import pytest

from entrepot.control.errors import ConflictError, InvalidError, NotFoundError
from entrepot.control.groups import service
from entrepot.control.groups.schemas import GroupCreate, GroupUpdate
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.services import Services
from entrepot.snapshot.load import load
from entrepot.store.raw import Database
from tests.control.conftest import Feed
from tests.snapshot.places import Vendors


async def test_create_change_and_list(services: Services, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        made = await service.create(tx, GroupCreate(name="vip", ratio="0.80", description="贵宾", public=False))
    assert (made.ratio, made.description, made.public) == ("0.8", "贵宾", False)
    assert await fed() == [("snapshot", "")]
    async with services.transaction() as tx:
        changed = await service.update(tx, "vip", GroupUpdate(ratio="1.25"))
        assert [group.name for group in await service.list_all(tx)] == ["default", "vip"]
    assert (changed.ratio, changed.description) == ("1.25", "贵宾")
    assert await fed() == [("snapshot", "")]


async def test_policies_reach_the_snapshot(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, GroupCreate(name="vip", disconnect="drain", free_interrupted=True))
        plain = await service.get(tx, "default")
    assert (made.disconnect, made.free_interrupted) == ("drain", True)
    assert (plain.disconnect, plain.free_interrupted) == ("model", False)
    vip = (await load(db, services.vault, Vendors())).groups["vip"]
    assert (vip.disconnect, vip.free_interrupted) == ("drain", True)
    async with services.transaction() as tx:
        await service.update(tx, "vip", GroupUpdate(disconnect="model"))
    assert (await load(db, services.vault, Vendors())).groups["vip"].disconnect is None


async def test_a_change_that_changes_nothing_is_not_announced(services: Services, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        await service.update(tx, "default", GroupUpdate(ratio="1.0"))
    assert await fed() == []


async def test_refusals_name_the_nearest(services: Services) -> None:
    async with services.transaction() as tx:
        with pytest.raises(ConflictError, match="already a group 'default'"):
            await service.create(tx, GroupCreate(name="default"))
        with pytest.raises(NotFoundError, match=r"no group 'defualt'\. Did you mean 'default'"):
            await service.get(tx, "defualt")
        with pytest.raises(InvalidError, match="groups: there is no group 'vpi'"):
            await service.require(tx, ["default", "vpi"], "groups")


async def test_a_group_in_use_stays(services: Services) -> None:
    async with services.transaction() as tx:
        await service.create(tx, GroupCreate(name="vip"))
        key = await keys.create(tx, KeyCreate(name="k", groups=["vip", "default"]))
        with pytest.raises(ConflictError, match="key 'k' names this group"):
            await service.remove(tx, "vip")
        with pytest.raises(ConflictError, match="'default' stays"):
            await service.remove(tx, "default")
        await keys.remove(tx, key.id)
        await service.remove(tx, "vip")
        assert not await service.exists(tx, "vip")
