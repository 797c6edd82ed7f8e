"""Sums on both databases: from hours, and from single calls where hours do not know."""

import pytest

from entrepot.control.errors import InvalidError
from entrepot.control.services import Services
from entrepot.control.usage import sums
from entrepot.control.usage.schemas import By, UsageFilter
from entrepot.kit.clock import ManualClock
from entrepot.store.raw import Database
from tests.control.usage.conftest import Calls

ALL = UsageFilter()
EVER = "2000-01-01"
FILTERS = (
    (ALL, 5),
    (UsageFilter(channel="east"), 3),
    (UsageFilter(channel="west"), 0),
    (UsageFilter(model="o3"), 2),
    (UsageFilter(user="installation"), 5),
    (UsageFilter(user="nobody"), 0),
    (UsageFilter(key=1), 5),
    (UsageFilter(key=2), 0),
    (UsageFilter(user="nobody", key=1), 0),
    (UsageFilter(since="1h"), 2),
    (UsageFilter(until="1h"), 3),
    (UsageFilter(since="2020-01-01", until="2020-01-02"), 0),
)
SINGLY = (
    (UsageFilter(status=503, since=EVER), 2),
    (UsageFilter(outcome="ok", since=EVER), 3),
    (UsageFilter(outcome="ok", since="1h"), 1),
    (UsageFilter(outcome="ok", since=EVER, until="1h"), 2),
    (UsageFilter(outcome="ok", since=EVER, channel="west"), 0),
)
BY: tuple[By, ...] = ("day", "model", "key", "user", "channel")


async def test_filters_from_hours_alone(services: Services, calls: Calls, db: Database) -> None:
    await calls()
    await db.execute("DELETE FROM usage")
    async with services.reading() as tx:
        for chosen, count in FILTERS:
            for by in BY:
                assert sum(row.calls for row in (await sums.summary(tx, chosen, by, 10)).data) == count, (chosen, by)


async def test_a_status_or_an_outcome_is_counted_call_by_call(services: Services, calls: Calls) -> None:
    await calls()
    async with services.reading() as tx:
        for chosen, count in SINGLY:
            for by in BY:
                assert sum(row.calls for row in (await sums.summary(tx, chosen, by, 10)).data) == count, (chosen, by)
        with pytest.raises(InvalidError, match="since"):
            await sums.summary(tx, UsageFilter(status=503), "day", 10)


@pytest.mark.parametrize("chosen", [ALL, UsageFilter(outcome="ok", since=EVER)])
async def test_what_is_summed(services: Services, calls: Calls, chosen: UsageFilter) -> None:
    await calls()
    everything = chosen is ALL
    async with services.reading() as tx:
        by_model = (await sums.summary(tx, chosen, "model", 10)).data
        served, *refused = by_model
        assert (served.by, served.calls, served.failed, served.prompt_tokens, served.output_tokens) == ("gpt-4o", 3, 0, 30, 15)
        assert (served.bytes_in, served.mean_total_ms, served.charge, served.shortfall) == (0, 250.0, "0.00009", "0")
        assert [(row.by, row.calls, row.failed, row.charge) for row in refused] == [("o3", 2, 2, "0")] * everything
        by_channel = (await sums.summary(tx, chosen, "channel", 10)).data
        assert [(row.by, row.id, row.calls) for row in by_channel] == [("", None, 2)] * everything + [("east", 1, 3)]
        total = 5 if everything else 3
        assert [(row.by, row.calls) for row in (await sums.summary(tx, chosen, "key", 10)).data] == [("laptop", total)]
        assert [(row.by, row.calls) for row in (await sums.summary(tx, chosen, "user", 10)).data] == [("installation", total)]


@pytest.mark.parametrize("chosen", [ALL, UsageFilter(outcome="ok", since=EVER)])
async def test_days_come_in_pages(services: Services, calls: Calls, clock: ManualClock, chosen: UsageFilter) -> None:
    await calls()
    async with services.reading() as tx:
        assert [row.by for row in (await sums.summary(tx, chosen, "day", 10)).data] == ["20270116", "20270115"]
        first = await sums.summary(tx, chosen, "day", 1)
        assert first.next is not None
        second = await sums.summary(tx, chosen, "day", 1, first.next)
        assert ([row.by for row in first.data], [row.by for row in second.data]) == (["20270116"], ["20270115"])
        assert second.next is None
        assert (await sums.summary(tx, chosen, "day", 1, "20270115")).data == []


async def test_a_page_of_days_may_have_a_gap(services: Services, calls: Calls, db: Database) -> None:
    await calls()
    await db.execute("UPDATE usage_hourly SET hour = hour - 24 * 9 WHERE hour < (SELECT max(hour) FROM usage_hourly)")
    seen: list[str] = []
    after: str | None = None
    async with services.reading() as tx:
        while True:
            page = await sums.summary(tx, ALL, "day", 4, after)
            seen += [row.by for row in page.data]
            after = page.next
            if after is None:
                break
    assert seen == ["20270116", "20270106"]


async def test_others_come_in_pages_too(services: Services, calls: Calls, db: Database) -> None:
    await calls()
    copy = "calls, faults, prompt_tokens, output_tokens, charge, shortfall, total_us"
    for key in (7, 8):
        await db.execute(
            f"INSERT INTO usage_hourly (hour, user_id, key_id, group_name, model, channel_id, {copy}) "
            f"SELECT hour, {9 - key}, {key}, group_name, 'm{key}', {key}, {copy} FROM usage_hourly "
            "WHERE key_id = 1 AND model = 'o3'"
        )
    async with services.reading() as tx:
        for by, expected in (
            ("model", ["gpt-4o", "m7", "m8", "o3"]),
            ("key", [1, 8, 7]),  # by user first
            ("user", [1, 2]),
            ("channel", [None, 1, 7, 8]),
        ):
            seen: list[str | int | None] = []
            after: str | None = None
            while True:
                page = await sums.summary(tx, ALL, by, 1, after)
                seen += [row.by if by == "model" else row.id for row in page.data]
                after = page.next
                if after is None:
                    break
            assert seen == expected, by


async def test_cursors_of_another_list_are_refused(services: Services, calls: Calls) -> None:
    await calls()
    async with services.reading() as tx:
        for by, after in (
            ("key", "x"),
            ("key", "1"),
            ("user", "1.2"),
            ("channel", "9" * 19),
            ("day", "x"),
            ("day", "20271301"),
        ):
            with pytest.raises(InvalidError):
                await sums.summary(tx, ALL, by, 10, after)
