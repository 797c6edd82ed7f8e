"""Prices on both databases: what holds when."""

import pytest

from entrepot.billing.prices import PriceBook
from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.prices import service
from entrepot.control.prices.schemas import Conditions, PriceSet, PriceTable
from entrepot.control.services import Services
from entrepot.kit.clock import ManualClock
from entrepot.snapshot.prices import READ_PRICES, read_prices
from entrepot.store.raw import Database
from tests.control.conftest import Feed


async def test_stored_as_nano_usd(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(input="0.15", call="0.000000001")))
    assert sorted(await db.fetch("SELECT kind, nano FROM prices")) == [("call", 1), ("input", 150_000_000)]


async def test_a_new_price_is_added_and_the_old_one_is_history(services: Services, clock: ManualClock, fed: Feed) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(input="1", output="2")))
    await fed()
    clock.advance(60)
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(input="1.00", output="3")))
        views = await service.history(tx, "m")
    assert [(view.kind, view.price, view.current) for view in views] == [
        ("input", "1", True),
        ("output", "3", True),
        ("output", "2", False),
    ]
    assert [view.unit for view in views] == ["1M tokens"] * 3
    assert await fed() == [("snapshot", "")]
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(output="3")))
    assert await fed() == []


async def test_a_price_of_tomorrow_does_not_hold_today(services: Services, clock: ManualClock) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(image="0.04")))
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(image="0.08"), valid_from="1d"))
        assert [(view.price, view.current, view.unit) for view in await service.history(tx, "m")] == [
            ("0.08", False, "image"),
            ("0.04", True, "image"),
        ]
    clock.advance(86_400)
    async with services.transaction() as tx:
        assert [view.current for view in await service.history(tx, "m")] == [True, False]


async def test_a_tier_is_a_price_of_its_own(services: Services, db: Database, fed: Feed) -> None:
    long = PriceSet(model="m", price=PriceTable(input="2"), conditions=Conditions(prompt_over=200_000))
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(input="1", image="0.04")))
        await service.set_prices(tx, long)
        high = Conditions(quality="HIGH", size="1024x1024")
        await service.set_prices(tx, PriceSet(model="m", price=PriceTable(image="0.08"), conditions=high))
    await fed()
    async with services.transaction() as tx:
        views = await service.set_prices(tx, long)
        assert await fed() == []
        assert [(view.kind, view.price, view.conditions, view.current) for view in views] == [
            ("image", "0.08", {"quality": "high", "size": "1024x1024"}, True),
            ("image", "0.04", {}, True),
            ("input", "2", {"prompt_over": 200_000}, True),
            ("input", "1", {}, True),
        ]
    table = read_prices(await db.fetch(READ_PRICES.sql))
    quote = PriceBook(table).quote("m", 2**62)
    assert quote is not None
    assert [quote.tier(length).prices["input"] for length in (200_000, 200_001)] == [1_000_000_000, 2_000_000_000]
    assert quote.unit("image", 0, "1024x1024", "high") == 80_000_000


async def test_what_a_call_costs_now(services: Services) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="gpt-*", price=PriceTable(input="1", output="3", call="0.01")))
        await service.set_prices(
            tx, PriceSet(model="gpt-*", price=PriceTable(input="2"), conditions=Conditions(prompt_over=1000))
        )
        found = await service.effective(tx, "gpt-4o")
        with pytest.raises(NotFoundError):
            await service.effective(tx, "o3")
    assert found.pattern == "gpt-*"
    assert [(tier.conditions, tier.prices["cache_read"], tier.prices["reasoning"]) for tier in found.tiers] == [
        ({"prompt_over": 1000}, "2", "3"),
        ({}, "1", "3"),
    ]
    assert [unit.prices for unit in found.units] == [{"call": "0.01"}]


async def test_refusals(services: Services) -> None:
    async with services.transaction() as tx:
        with pytest.raises(InvalidError, match="some time"):
            await service.set_prices(tx, PriceSet(model="m", price=PriceTable(), valid_from="never"))
        with pytest.raises(NotFoundError):
            await service.history(tx, "unknown")
