"""Opening control's services."""

from pathlib import Path

import pytest
from sqlalchemy import text

from entrepot.control.opening import open_services
from entrepot.control.services import Sandbox
from entrepot.settings import load
from entrepot.store.vault import VaultError
from tests.control.conftest import ON_SQLITE


@ON_SQLITE
async def test_open_and_close(database_url: str, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings, Sandbox(1, "s")) as services:
        assert services.sandbox == Sandbox(1, "s")
        assert "openai" in services.catalogue
        async with services.reading() as tx:
            assert await tx.scalar(text("SELECT 1")) == 1
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


@ON_SQLITE
async def test_a_lost_secret_key_is_refused(database_url: str, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings):
        pass
    (tmp_path / "secret.key").unlink()
    with pytest.raises(VaultError, match="no secret key"):
        async with open_services(settings):
            raise AssertionError("opened")
