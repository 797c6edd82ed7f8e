"""Budgets of users and keys on both databases: set, changed in mid-period, lifted; as gateways then hold them."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrepot.buckets import accounts
from entrepot.buckets.verify import verify
from entrepot.control import budgets
from entrepot.control.apply import apply
from entrepot.control.errors import InvalidError
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate, KeyUpdate
from entrepot.control.problems import read
from entrepot.control.services import Services
from entrepot.control.users import service as users
from entrepot.control.users.schemas import UserCreate, UserUpdate
from entrepot.core.call import Caller
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import key_hash
from entrepot.store.keys import find_key
from entrepot.store.raw import Database
from tests.buckets.desks import QUIET, Bank, line
from tests.control.conftest import ON_SQLITE, Feed
from tests.store.test_budgets import end_period

SECRET = "sk-budgeted-key"
USD = 1_000_000_000


async def look(db: Database) -> Caller:
    found = await find_key(db, key_hash(SECRET), SystemClock())
    assert found is not None
    return found


async def spend(db: Database, folder: Path, request: str, nano: int) -> None:
    """As a worker does: look up, lease, hold, settle, give back."""
    caller = await look(db)
    desk = await Bank(db, folder).desk(QUIET)
    task = asyncio.ensure_future(desk.hold([(bucket, nano) for bucket in (caller.wallet, *caller.caps)]))
    while not task.done():
        await asyncio.sleep(0)
        await desk.step()
    (await task).settle(nano, line(request))
    await desk.close()


async def shown(services: Services) -> list[tuple[str, str, str, str]]:
    async with services.reading() as tx:
        held = [*(await users.get(tx, "ada")).budgets, *(await keys.get(tx, await keys.resolve(tx, SECRET))).budgets]
    return [(each.period, each.limit, each.spent, each.remaining) for each in held]


async def make(services: Services, user: dict[str, str], key: dict[str, str]) -> None:
    async with services.transaction() as tx:
        await users.create(tx, read(UserCreate, {"name": "ada", "budget": user}))
        await keys.create(tx, read(KeyCreate, {"user": "ada", "secret": SECRET, "budget": key}))
        [row] = await tx.raw.fetch("SELECT id FROM buckets WHERE kind = 'wallet'")
        await accounts.credit(tx.raw, row[0], 100 * USD, kind="topup", reference="t")


async def change_user(services: Services, budget: Any) -> None:
    async with services.transaction() as tx:
        await users.update(tx, "ada", read(UserUpdate, {"budget": budget}))


async def test_what_is_spent_counts_in_all_that_bind_and_a_change_keeps_it(
    services: Services, db: Database, tmp_path: Path
) -> None:
    await make(services, {"month": "10", "day": "5"}, {"total": "3"})
    assert await shown(services) == [("day", "5", "0", "5"), ("month", "10", "0", "10"), ("total", "3", "0", "3")]
    await spend(db, tmp_path, "req_1", 2 * USD)
    assert await shown(services) == [("day", "5", "2", "3"), ("month", "10", "2", "8"), ("total", "3", "2", "1")]
    seen: list[tuple[str, str, str, str]] = []
    for day in ("8", "1.5", "2.5"):
        await change_user(services, {"day": day})
        seen.append((await shown(services))[0])
    assert seen == [("day", "8", "2", "6"), ("day", "1.5", "2", "0"), ("day", "2.5", "2", "0.5")]
    assert (await look(db)).budgets[1].limit == 2.5 * USD
    assert (await verify(db)).ok


async def test_a_new_period_begins_at_nothing_and_what_ran_on_settles_in_its_own(
    services: Services, db: Database, tmp_path: Path
) -> None:
    await make(services, {"day": "5"}, {})
    caller = await look(db)
    desk = await Bank(db, tmp_path).desk(QUIET)
    task = asyncio.ensure_future(desk.hold([(bucket, 4 * USD) for bucket in (caller.wallet, *caller.caps)]))
    while not task.done():
        await asyncio.sleep(0)
        await desk.step()
    await end_period(db, caller.caps[0])
    assert await shown(services) == [("day", "5", "0", "5")], "shown before anybody has called in the new period"
    fresh = await look(db)
    assert fresh.caps != caller.caps
    (await task).settle(3 * USD, line("req_1"))
    await desk.close()
    for caps, left in ((caller.caps, 2 * USD), (fresh.caps, 5 * USD)):
        balance = await accounts.balance(db, caps[0])
        assert balance is not None
        assert balance.total == left
    assert await shown(services) == [("day", "5", "0", "5")]
    assert (await verify(db)).ok


async def test_lifting_forgets_what_was_spent(services: Services, db: Database, tmp_path: Path) -> None:
    await make(services, {"day": "5", "week": "9", "total": "20"}, {})
    await spend(db, tmp_path, "req_1", USD)
    await change_user(services, {"day": None, "week": "unlimited"})
    assert await shown(services) == [("total", "20", "1", "19")]
    await change_user(services, {"day": "5"})
    assert await shown(services) == [("day", "5", "0", "5"), ("total", "20", "1", "19")]
    assert len((await look(db)).caps) == 2
    await change_user(services, None)
    assert await shown(services) == []
    assert (await look(db)).caps == ()
    await change_user(services, None)
    await spend(db, tmp_path, "req_2", USD)
    [(ends,)] = await db.fetch("SELECT count(*) FROM buckets WHERE kind = 'budget' AND ends_at IS NULL")
    assert ends == 0, "a bucket that nothing will ever sweep away"


async def test_a_change_of_a_users_budgets_is_announced_for_each_of_its_keys(services: Services, fed: Feed) -> None:
    await make(services, {"day": "5"}, {})
    async with services.transaction() as tx:
        other = (await keys.create(tx, KeyCreate(user="ada"))).secret
    await fed()
    both = sorted([("key", key_hash(SECRET)), ("key", key_hash(other))])
    for said, news in (
        ({"day": "6"}, both),
        ({"day": "6"}, []),
        ({"week": "6"}, both),
        ({"day": None}, both),
        ({"day": None}, []),
    ):
        await change_user(services, said)
        assert sorted(await fed()) == news, said
    async with services.transaction() as tx:
        found = await keys.resolve(tx, SECRET)
        await keys.update(tx, found, KeyUpdate.model_validate({"budget": {"day": "1"}}))
    assert await fed() == [("key", key_hash(SECRET))]


async def test_who_is_deleted_leaves_no_budget(services: Services, db: Database) -> None:
    await make(services, {"total": "5"}, {"total": "5"})
    await look(db)
    async with services.transaction() as tx:
        await users.remove(tx, "ada")
    assert await db.fetch("SELECT * FROM budgets") == []
    assert await db.fetch("SELECT count(*) FROM buckets WHERE kind = 'budget' AND ends_at IS NULL") == [(0,)]


async def test_a_file_says_them_and_applying_twice_changes_nothing(services: Services, db: Database) -> None:
    tables = {
        "user": [{"name": "ada", "budget": {"day": "5", "month": "100"}}],
        "key": [{"secret": SECRET, "user": "ada", "budget": {"week": "7"}}],
    }
    await apply(services, tables)
    assert (await apply(services, tables)).count("unchanged") == 2
    assert [period for period, *_ in await shown(services)] == ["day", "month", "week"]
    parts = {"user": [{"name": "ada", "budget": {"day": "unlimited"}}], "key": [{"secret": SECRET, "budget": {"day": "1"}}]}
    assert (await apply(services, parts)).count("updated") == 2
    assert [period for period, *_ in await shown(services)] == ["month", "day", "week"]
    assert (await apply(services, parts)).count("unchanged") == 2


@ON_SQLITE
async def test_over_the_api(api: httpx.AsyncClient) -> None:
    made = (await api.post("/api/users", json={"name": "ada", "budget": {"month": "100"}})).json()
    (budget,) = made["budgets"]
    assert (budget["period"], budget["limit"], budget["spent"], budget["remaining"]) == ("month", "100", "0", "100")
    assert budget["renews_at"].endswith("-01T00:00:00Z")
    key = (await api.post("/api/keys", json={"user": "ada", "budget": {"total": "1"}})).json()
    assert key["budgets"][0]["renews_at"] is None
    changed = (await api.patch(f"/api/keys/{key['id']}", json={"budget": {"day": "0.5", "total": None}})).json()
    assert [each["period"] for each in changed["budgets"]] == ["day"]
    assert (await api.patch("/api/users/ada", json={"budget": None})).json()["budgets"] == []
    for wrong in ({"day": 5}, {"day": "-1"}, {"dey": "5"}, {"day": "five"}, "5/day"):
        refused = await api.patch("/api/users/ada", json={"budget": wrong})
        assert (refused.status_code, refused.json()["error"]["param"].startswith("budget")) == (400, True), wrong


def test_periods_are_those_of_the_calendar() -> None:
    assert set(budgets.PERIODS) == set(budgets.BudgetTable.model_fields)
    with pytest.raises(InvalidError, match="Did you mean 'week'"):
        read(UserUpdate, {"budget": {"weak": "5"}})
