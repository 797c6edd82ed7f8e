"""Models on both databases, as the snapshot then has them."""

import pytest

from entrepot.control.errors import ConflictError, NotFoundError
from entrepot.control.fields import TimeoutTable
from entrepot.control.models import service
from entrepot.control.models.schemas import ModelCreate, ModelUpdate
from entrepot.control.prices import service as prices
from entrepot.control.prices.schemas import PriceSet, PriceTable
from entrepot.control.services import Services
from entrepot.snapshot.load import load
from entrepot.store.raw import Database
from tests.snapshot.places import Vendors


async def test_what_is_written_is_what_the_snapshot_reads(services: Services, db: Database) -> None:
    spec = ModelCreate(name="o3*", owner="openai", disconnect="drain", timeouts=TimeoutTable(first_byte=900))
    async with services.transaction() as tx:
        await service.create(tx, spec)
    about = (await load(db, services.vault, Vendors())).about("o3-mini")
    assert (about.owner, about.disconnect, dict(about.timeouts)) == ("openai", "drain", {"first_byte": 900.0})


async def test_change_and_remove(services: Services) -> None:
    async with services.transaction() as tx:
        await service.create(tx, ModelCreate(name="openai/gpt-4o"))
        with pytest.raises(ConflictError):
            await service.create(tx, ModelCreate(name="openai/gpt-4o"))
        await prices.set_prices(tx, PriceSet(model="openai/gpt-4o", price=PriceTable(input="2.5")))
        changed = await service.update(tx, "openai/gpt-4o", ModelUpdate(description="d"))
        assert (changed.description, changed.disconnect, changed.prices) == ("d", "cancel", {"input": "2.5"})
        await service.remove(tx, "openai/gpt-4o")
        with pytest.raises(NotFoundError):
            await service.get(tx, "openai/gpt-4o")
        assert (await prices.list_page(tx, 10)).data == []
