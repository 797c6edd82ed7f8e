"""Quotas on both databases: a limit, not what remains."""

import asyncio
from pathlib import Path

from entrepot.buckets.desk import Buckets
from entrepot.control.keys import service
from entrepot.control.keys.schemas import KeyCreate, KeyUpdate, KeyView
from entrepot.control.services import Services
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import key_hash
from entrepot.store.keys import find_key
from entrepot.store.raw import Database
from tests.buckets.desks import QUIET, Bank

USD = 1_000_000_000


async def spend(db: Database, folder: Path, secret: str, nano: int) -> None:
    """As a worker does: lease, hold, settle, give back."""
    caller = await find_key(db, key_hash(secret), SystemClock())
    assert caller is not None
    bank = Bank(db, folder)
    desk = await bank.desk(QUIET)
    held = await _held(desk, (1, *caller.caps), nano)
    held.settle(nano, bank.line())
    await desk.close()
    await db.execute("DELETE FROM usage")  # its ids are the same at the next time
    await db.execute("DELETE FROM usage_hourly")


async def _held(desk: Buckets, buckets: tuple[int, ...], nano: int):
    task = asyncio.ensure_future(desk.hold([(bucket, nano) for bucket in buckets]))
    while not task.done():
        await asyncio.sleep(0)
        await desk.step()
    return await task


async def change(services: Services, key_id: int, **fields: str | None) -> KeyView:
    async with services.transaction() as tx:
        return await service.update(tx, key_id, KeyUpdate.model_validate(fields))


async def test_raising_and_lowering_keeps_what_was_used(services: Services, db: Database, tmp_path: Path) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(name="k", quota="5"))
    assert (made.quota, made.used, made.remaining) == ("5", "0", "5")
    await spend(db, tmp_path, made.secret, 2 * USD)
    seen = [(view.quota, view.used, view.remaining) for view in [await change(services, made.id, name="other")]]
    for quota in ("8", "1", "1.5", "3"):
        view = await change(services, made.id, quota=quota)
        seen.append((view.quota, view.used, view.remaining))
    assert seen == [("5", "2", "3"), ("8", "2", "6"), ("1", "2", "0"), ("1.5", "2", "0"), ("3", "2", "1")]
    async with services.reading() as tx:
        assert [key.used for key in (await service.list_page(tx, 10)).data] == ["2"]


async def test_lifting_forgets_and_a_new_one_begins_at_nothing(services: Services, db: Database, tmp_path: Path) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(name="k", quota="5"))
    await spend(db, tmp_path, made.secret, USD)
    lifted = await change(services, made.id, quota=None)
    assert (lifted.quota, lifted.used, lifted.remaining) == (None, None, None)
    caller = await find_key(db, key_hash(made.secret), SystemClock())
    assert caller is not None
    assert caller.caps == ()
    again = await change(services, made.id, quota="2")
    assert (again.used, again.remaining) == ("0", "2")
    assert (await change(services, made.id, quota=None)).used is None


async def test_what_a_worker_has_leased_is_not_used(services: Services, db: Database, tmp_path: Path) -> None:
    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(name="k", quota="5"))
    caller = await find_key(db, key_hash(made.secret), SystemClock())
    assert caller is not None
    bank = Bank(db, tmp_path)
    desk = await bank.desk(QUIET)
    held = await _held(desk, caller.caps, USD)
    lifted = await change(services, made.id, quota="0.5")
    assert (lifted.used, lifted.remaining) == ("0", "0.5")
    # The limit is taken away in mid-call: what the call owes is still taken from where it was reserved.
    await change(services, made.id, quota=None)
    held.settle(USD, bank.line())
    await desk.close()
    assert await db.fetch("SELECT remaining, cap, lack FROM buckets WHERE id = $1", caller.caps[0]) == [(0, USD // 2, USD // 2)]


async def test_a_key_without_a_quota_has_no_cap_and_one_of_zero_spends_nothing(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        await service.create(tx, KeyCreate(name="free"))
        none = await service.create(tx, KeyCreate(name="none", quota="0"))
    assert await db.fetch("SELECT cap FROM buckets WHERE kind = 'quota'") == [(0,)]
    assert (none.used, none.remaining) == ("0", "0")


async def test_a_transaction_that_fails_leaves_the_limit(services: Services, db: Database) -> None:
    class _StopError(Exception):
        pass

    async with services.transaction() as tx:
        made = await service.create(tx, KeyCreate(name="k", quota="5"))

    async def fail() -> None:
        async with services.transaction() as tx:
            await service.update(tx, made.id, KeyUpdate(quota="9"))
            raise _StopError

    (found,) = await asyncio.gather(fail(), return_exceptions=True)
    assert isinstance(found, _StopError)
    assert await db.fetch("SELECT cap, remaining FROM buckets WHERE kind = 'quota'") == [(5 * USD, 5 * USD)]
