"""Usage on both databases."""

import pytest

from entrepot.control.errors import InvalidError, NotFoundError
from entrepot.control.services import Services
from entrepot.control.usage import service
from entrepot.control.usage.schemas import UsageFilter
from entrepot.kit.clock import ManualClock
from tests.control.usage.conftest import Calls

ALL = UsageFilter()


async def test_pages_go_back_in_time_without_a_gap(services: Services, calls: Calls) -> None:
    ids = await calls()
    async with services.reading() as tx:
        seen: list[str] = []
        after: str | None = None
        while True:
            page = await service.list_page(tx, ALL, 2, after)
            seen += [call.id for call in page.data]
            after = page.next
            if after is None:
                break
    assert seen == ids


async def test_one_call(services: Services, calls: Calls) -> None:
    ids = await calls()
    async with services.reading() as tx:
        call = await service.get(tx, ids[0])
        assert (call.channel, call.key, call.user, call.stream) == ("east", "laptop", "installation", True)
        assert call.tokens == {"input": 10, "output": 5}
        assert (call.prompt_tokens, call.output_tokens, call.ttft_ms, call.total_ms) == (10, 5, 100.0, 250.0)
        assert call.attempts[0]["channel"] == "east"
        assert (call.charge, call.shortfall, call.basis) == ("0.00003", "0", "vendor")
        with pytest.raises(NotFoundError):
            await service.get(tx, "req_nothing")


FILTERS = (
    (UsageFilter(channel="east"), 3),
    (UsageFilter(channel="west"), 0),
    (UsageFilter(model="o3"), 2),
    (UsageFilter(status=503), 2),
    (UsageFilter(outcome="ok"), 3),
    (UsageFilter(user="installation"), 5),
    (UsageFilter(user="nobody"), 0),
    (UsageFilter(key=1), 5),
    (UsageFilter(key=2), 0),
    (UsageFilter(since="1h"), 2),
    (UsageFilter(until="1h"), 3),
    (UsageFilter(since="2020-01-01", until="2020-01-02"), 0),
)


async def test_filters(services: Services, calls: Calls) -> None:
    await calls()
    async with services.reading() as tx:
        for chosen, count in FILTERS:
            assert len((await service.list_page(tx, chosen, 10)).data) == count, chosen


async def test_a_page_looks_through_so_many_calls_and_no_more(
    services: Services, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await calls()
    monkeypatch.setattr(service, "LOOK", 2)
    seen: list[list[str]] = []
    after: str | None = None
    async with services.reading() as tx:
        while True:
            page = await service.list_page(tx, UsageFilter(model="o3"), 10, after)
            seen.append([call.id for call in page.data])
            after = page.next
            if after is None:
                break
        assert seen == [[ids[1]], [ids[3]], []]
        whole = await service.list_page(tx, UsageFilter(key=1), 10)  # an index finds these
        assert (len(whole.data), whole.next) == (5, None)


async def test_a_receipt_explains_the_charge(services: Services, calls: Calls) -> None:
    ids = await calls()
    async with services.reading() as tx:
        found = await service.find_receipt(tx, ids[0])
        assert (found.id, found.charge, found.usage) == (ids[0], "0.00003", {"input": 10, "output": 5})
        assert (found.prices, found.ratio) == ({"input": "1", "output": "4"}, "1")
        with pytest.raises(NotFoundError):
            await service.find_receipt(tx, "req_nothing")


async def test_refusals(services: Services, clock: ManualClock) -> None:
    async with services.reading() as tx:
        for after in ("x", "1", "x.req_1", "req_", "req_1 2"):
            with pytest.raises(InvalidError):
                await service.list_page(tx, ALL, 10, after)
        with pytest.raises(InvalidError):
            await service.list_page(tx, UsageFilter(since="never"), 10)
