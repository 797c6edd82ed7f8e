"""Admin tokens on both databases."""

import pytest

from entrepot.control.errors import ConflictError, NotFoundError
from entrepot.control.services import Services
from entrepot.control.tokens import service
from entrepot.control.tokens.schemas import TokenCreate
from entrepot.store.raw import Database


async def test_only_the_hash_is_kept(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, TokenCreate(name="deploy"))
        assert await service.is_admin(tx, made.secret)
        assert not await service.is_admin(tx, made.secret[:-1] + "!")
        assert not await service.is_admin(tx, "")
        assert not await service.is_admin(tx, "\udcff")
    assert made.secret.startswith("adm-ent-")
    assert made.secret not in repr(await db.fetch("SELECT * FROM admin_tokens"))


async def test_the_last_token_stays(services: Services) -> None:
    async with services.transaction() as tx:
        first = await service.create(tx, TokenCreate(name="a"))
        second = await service.create(tx, TokenCreate(name="b"))
        await service.revoke(tx, first.id)
        assert not await service.is_admin(tx, first.secret)
        with pytest.raises(ConflictError, match="last admin token"):
            await service.revoke(tx, second.id)
        with pytest.raises(NotFoundError):
            await service.revoke(tx, first.id)
        assert [token.name for token in await service.list_all(tx)] == ["b"]
