"""The start catalogue on both databases: loaded once, never over an operator's own prices."""

from entrepot.billing.catalogue import ModelPrices, start_catalogue
from entrepot.control.models import service as models
from entrepot.control.prices import service
from entrepot.control.prices.catalogue import load
from entrepot.control.prices.schemas import CatalogueLoad, PriceSet, PriceTable
from entrepot.control.services import Services
from entrepot.kit.clock import ManualClock
from entrepot.snapshot.prices import Conditions, PriceRow
from tests.control.conftest import Feed

ALL = CatalogueLoad()
SMALL = (
    ModelPrices("gpt-4o", "openai", "chat", (PriceRow("input", 25), PriceRow("input", 50, Conditions(prompt_over=1000)))),
    ModelPrices("gpt-4o-mini", "openai", "chat", (PriceRow("input", 1), PriceRow("output", 4))),
    ModelPrices("o3*", "openai", "chat", (PriceRow("input", 2),)),
)


async def test_twice_changes_nothing(services: Services, clock: ManualClock, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        first = await load(tx, start_catalogue(), ALL)
    assert len(first.loaded) > 300
    assert (first.kept, first.unchanged) == ([], 0)
    assert await fed() == [("snapshot", "")]
    clock.advance(60)
    async with services.transaction() as tx:
        again = await load(tx, start_catalogue(), ALL)
        assert tx.writes == 0
        assert (await service.effective(tx, "gpt-4o")).tiers[-1].prices["input"] == "2.5"
        assert (await models.get(tx, "gpt-4o")).owner == "openai"
    assert (again.loaded, again.kept, again.unchanged) == ([], [], len(first.loaded))
    assert await fed() == []


async def test_own_prices_are_kept_unless_told_otherwise(services: Services, clock: ManualClock) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="gpt-4o", price=PriceTable(input="9")))
        await service.set_prices(tx, PriceSet(model="*", price=PriceTable(input="5")))
    clock.advance(1)
    async with services.transaction() as tx:
        found = await load(tx, SMALL, ALL)
        assert (found.loaded, found.kept) == (["gpt-4o-mini", "o3*"], ["gpt-4o"])
        assert (await service.effective(tx, "gpt-4o")).tiers[0].prices["input"] == "9"
    clock.advance(1)
    async with services.transaction() as tx:
        over = await load(tx, SMALL, CatalogueLoad(overwrite=True))
        assert (over.loaded, over.unchanged) == (["gpt-4o"], 2)
        tiers = (await service.effective(tx, "gpt-4o")).tiers
        assert [tier.prices["input"] for tier in tiers] == ["0.00000005", "0.000000025"]


async def test_a_wildcard_of_the_operators_covers_its_models(services: Services) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="gpt-*", price=PriceTable(input="9")))
        found = await load(tx, SMALL, ALL)
        assert (found.loaded, found.kept) == (["o3*"], ["gpt-4o", "gpt-4o-mini"])
        # The catalogue's own wildcard, now in the database, keeps none of its models back.
        grown = (*SMALL, ModelPrices("o3-mini", "openai", "chat", (PriceRow("input", 1),)))
        assert (await load(tx, grown, ALL)).loaded == ["o3-mini"]


async def test_a_price_of_tomorrow_is_one_too_and_models_can_be_chosen(services: Services) -> None:
    async with services.transaction() as tx:
        await service.set_prices(tx, PriceSet(model="gpt-4o", price=PriceTable(input="9"), valid_from="1d"))
        found = await load(tx, SMALL, CatalogueLoad(models=["gpt-*"]))
        assert (found.loaded, found.kept, found.unchanged) == (["gpt-4o-mini"], ["gpt-4o"], 0)
