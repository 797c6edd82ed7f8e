"""Users on both databases."""

import pytest

from entrepot.control.errors import ConflictError, InvalidError, NotFoundError
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.services import Services
from entrepot.control.users import passwords, service
from entrepot.control.users.schemas import UserCreate, UserUpdate
from entrepot.kit.ids import key_hash
from tests.control.conftest import Feed


async def test_create_and_change(services: Services) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, UserCreate(name="alice", password="long enough"))
        assert (made.role, made.group, made.status, made.has_password) == ("user", "default", "enabled", True)
        changed = await service.update(tx, "alice", UserUpdate(role="admin"))
        assert (changed.role, changed.has_password) == ("admin", True)
        with pytest.raises(ConflictError, match="already a user"):
            await service.create(tx, UserCreate(name="alice"))
        with pytest.raises(InvalidError, match="no group 'vip'"):
            await service.update(tx, "alice", UserUpdate(group="vip"))


async def test_the_same_password_changes_nothing(services: Services) -> None:
    async with services.transaction() as tx:
        await service.create(tx, UserCreate(name="alice", password="long enough"))
        before = tx.writes
        await service.update(tx, "alice", UserUpdate(password="long enough"))
        assert tx.writes == before
        await service.update(tx, "alice", UserUpdate(password="another one"))
        assert await passwords.fits((await service.find(tx, "alice"))["password_hash"], "another one")
        assert not (await service.update(tx, "alice", UserUpdate(password=None))).has_password


async def test_a_change_announces_each_of_the_users_keys(services: Services, fed: Feed) -> None:
    async with services.transaction() as tx:
        await service.create(tx, UserCreate(name="alice"))
        secrets = [(await keys.create(tx, KeyCreate(user="alice"))).secret for _ in range(2)]
    await fed()
    async with services.transaction() as tx:
        await service.update(tx, "alice", UserUpdate(status="disabled"))
    assert sorted(await fed()) == sorted(("key", key_hash(secret)) for secret in secrets)


async def test_a_deleted_user_takes_its_keys_along_and_frees_its_name(services: Services, fed: Feed) -> None:
    async with services.transaction() as tx:
        await service.create(tx, UserCreate(name="alice"))
        key = await keys.create(tx, KeyCreate(user="alice", name="laptop"))
    await fed()
    async with services.transaction() as tx:
        await service.remove(tx, "alice")
        with pytest.raises(NotFoundError):
            await keys.get(tx, key.id)
        assert (await service.create(tx, UserCreate(name="alice"))).status == "enabled"
        assert [user.name for user in (await service.list_page(tx, 10)).data] == ["installation", "alice"]
    assert await fed() == [("key", key_hash(key.secret))]


async def test_the_installations_own_account_stays(services: Services) -> None:
    async with services.transaction() as tx:
        with pytest.raises(ConflictError):
            await service.remove(tx, "installation")
        with pytest.raises(ConflictError):
            await service.update(tx, "installation", UserUpdate(status="disabled"))
        assert await service.installation(tx) == await service.installation(tx)


async def test_pages_meet_without_a_gap(services: Services) -> None:
    async with services.transaction() as tx:
        for number in range(5):
            await service.create(tx, UserCreate(name=f"u{number}"))
        seen: list[str] = []
        after: str | None = None
        while True:
            page = await service.list_page(tx, 2, after)
            seen += [user.name for user in page.data]
            after = page.next
            if after is None:
                break
    assert seen == ["installation", "u0", "u1", "u2", "u3", "u4"]
