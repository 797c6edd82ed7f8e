"""The first start, on both databases."""

import asyncio
from pathlib import Path

from entrepot.control.bootstrap import bootstrap
from entrepot.control.channels import service as channels
from entrepot.control.opening import open_services
from entrepot.control.prices import service as prices
from entrepot.control.prices.schemas import PriceSet, PriceTable
from entrepot.control.settings import service as internal
from entrepot.control.tokens import service as tokens
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import key_hash
from entrepot.providers.places import Places
from entrepot.settings import load
from entrepot.snapshot.load import load as load_snapshot
from entrepot.store.keys import find_key
from entrepot.store.raw import Database


async def test_everything_for_a_first_call(database_url: str, db: Database, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings) as services:
        first = await bootstrap(services)
        assert first is not None
        async with services.reading() as tx:
            assert await tokens.is_admin(tx, first.admin_token)
        caller = await find_key(db, key_hash(first.key), SystemClock())
        assert caller is not None
        assert (caller.key_name, caller.groups, caller.quota) == ("first", ("default",), None)
        urls = {"self:sandbox": ("http://127.0.0.1:1/v1", "s")}
        snapshot = await load_snapshot(db, services.vault, Places(services.catalogue), urls)
        assert snapshot.tiers("default", "sandbox/story:100@50!cut=10")
        assert "sandbox/echo" in [model.name for model in snapshot.listed(["default"])]
        assert await bootstrap(services) is None


async def test_the_sandbox_is_free_and_an_older_installation_learns_it(database_url: str, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings) as services:
        async with services.transaction() as tx:
            await internal.write(tx, "first_start", "1")
        assert await bootstrap(services) is None
        async with services.reading() as tx:
            found = await prices.effective(tx, "sandbox/story:100@50")
        assert found.pattern == "sandbox/*"
        assert {usd for tier in (*found.tiers, *found.units) for usd in tier.prices.values()} == {"0"}


async def test_an_operators_own_price_of_the_sandbox_stays(database_url: str, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings) as services:
        async with services.transaction() as tx:
            await prices.set_prices(tx, PriceSet(model="sandbox/*", price=PriceTable(call="0.01")))
        assert await bootstrap(services) is not None
        async with services.reading() as tx:
            assert [view.price for view in await prices.history(tx, "sandbox/*")] == ["0.01"]


async def test_many_starts_at_once_make_one_installation(database_url: str, tmp_path: Path) -> None:
    settings = load(environ={}, overrides={"data_dir": str(tmp_path), "database_url": database_url})
    async with open_services(settings) as here, open_services(settings) as there:
        found = await asyncio.gather(*(bootstrap(services) for services in (here, there) * 4))
        assert sum(first is not None for first in found) == 1
        async with here.reading() as tx:
            assert len((await channels.list_page(tx, 10)).data) == 1
            assert len(await tokens.list_all(tx)) == 1
