"""One transaction: all or nothing, announced once, errors with names."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from entrepot.control.errors import ConflictError, UnavailableError
from entrepot.control.groups import service as groups
from entrepot.control.groups.schemas import GroupCreate
from entrepot.control.services import Services
from entrepot.store.schema import groups as table
from tests.control.conftest import ON_SQLITE, Feed


class _StopError(Exception):
    pass


async def test_a_transaction_that_fails_changes_and_announces_nothing(services: Services, fed: Feed) -> None:
    await fed()

    async def fail() -> None:
        async with services.transaction() as tx:
            await groups.create(tx, GroupCreate(name="vip"))
            raise _StopError

    with pytest.raises(_StopError):
        await fail()
    assert await fed() == []
    async with services.reading() as tx:
        assert not await groups.exists(tx, "vip")


async def test_many_changes_are_one_announcement(services: Services, fed: Feed) -> None:
    await fed()
    async with services.transaction() as tx:
        for number in range(20):
            await groups.create(tx, GroupCreate(name=f"g{number}"))
        assert tx.writes == 20
    assert await fed() == [("snapshot", "")]


async def test_two_that_write_the_same_at_once(services: Services) -> None:
    async def create() -> str:
        async with services.transaction() as tx:
            await groups.create(tx, GroupCreate(name="vip"))
            await asyncio.sleep(0.05)
        return "made"

    results = await asyncio.gather(create(), create(), return_exceptions=True)
    assert sorted(type(result) for result in results if result != "made") == [ConflictError]


async def test_a_constraint_is_a_conflict(services: Services) -> None:
    with pytest.raises(ConflictError):
        async with services.transaction() as tx:
            await tx.write(insert(table).values(name="default", created_at=0))


async def test_a_value_that_stays_is_not_written(services: Services) -> None:
    async with services.transaction() as tx:
        (row,) = await tx.rows(select(table))
        assert not await tx.change(table, row, {"description": "", "public": 1})
        assert await tx.change(table, row, {"description": "x"})


@ON_SQLITE
async def test_a_database_that_is_away(services: Services) -> None:
    file = Path(services.engine.url.database or "")
    await services.engine.dispose()
    for left in file.parent.glob(file.name + "*"):
        left.rename(left.with_name("gone-" + left.name))
    file.mkdir()
    with pytest.raises(UnavailableError, match="does not answer"):
        async with services.reading() as tx:
            await groups.list_all(tx)
    file.rmdir()
