"""Settings on both databases."""

import pytest

from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.services import Services
from entrepot.control.settings import service
from entrepot.control.settings.schemas import SettingUpdate
from tests.control.conftest import Feed


async def test_set_read_and_take_back(services: Services, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        await service.update(tx, "title", SettingUpdate(value="Relay"))
        assert (await service.get(tx, "title")).value == "Relay"
    assert await fed() == [("snapshot", "")]
    async with services.transaction() as tx:
        await service.update(tx, "title", SettingUpdate(value="Relay"))
    assert await fed() == []
    async with services.transaction() as tx:
        await service.update(tx, "title", SettingUpdate(value=""))
        assert {view.name: view.value for view in await service.list_all(tx)}["title"] == ""


async def test_only_known_settings_can_be_reached(services: Services) -> None:
    async with services.transaction() as tx:
        await service.write(tx, "opening:alice", "10")
        assert "opening:alice" not in [view.name for view in await service.list_all(tx)]
        for name in ("opening:alice", "vault_fingerprint", "first_start"):
            with pytest.raises(NotFoundError):
                await service.update(tx, name, SettingUpdate(value="x"))
        with pytest.raises(NotFoundError, match="Did you mean 'title'"):
            await service.get(tx, "titel")
        with pytest.raises(InvalidError):
            await service.update(tx, "public_url", SettingUpdate(value="relay.example"))
