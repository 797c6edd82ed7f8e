"""Transactions with guards, on both databases: a condition that finds no row undoes all before it."""

from collections.abc import AsyncIterator

import pytest

from entrepot.store.contract import ConflictError, Database, Guard, GuardError, GuardMany, Many, Statement, StatementError
from entrepot.store.raw import open_database

PUT = "INSERT INTO settings (name, value) VALUES ($1, $2)"
SET = "UPDATE settings SET value = $2 WHERE name = $1 RETURNING name, value"
ALL = "SELECT name, value FROM settings ORDER BY name"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = await open_database(database_url)
    await opened.execute("DELETE FROM settings")
    yield opened
    await opened.close()


async def test_gives_the_rows_of_each_step(database: Database) -> None:
    found = await database.change(
        [
            Many(PUT, [("a", "1"), ("b", "2")]),
            Many(PUT, []),
            Guard(SET, ("a", "3")),
            GuardMany(SET, [("a", "4"), ("b", "5")]),
            GuardMany(SET, []),
            Statement(SET, ("nobody", "6")),
            Statement(ALL),
            Guard(ALL, (), 2),
        ]
    )
    both = [("a", "4"), ("b", "5")]
    assert found == [[], [], [("a", "3")], both, [], [], both, both]
    assert await database.fetch(ALL) == both


@pytest.mark.parametrize(
    "guard",
    [
        Guard(SET, ("nobody", "1")),
        GuardMany(SET, [("a", "1"), ("nobody", "1")]),
        Guard(ALL, (), 3),
    ],
)
async def test_a_guard_that_finds_no_row_undoes_all(database: Database, guard: Guard | GuardMany) -> None:
    with pytest.raises(GuardError) as found:
        await database.change([Statement(PUT, ("a", "0")), guard, Statement(PUT, ("b", "0"))])
    assert found.value.step == 1
    assert await database.fetch(ALL) == []
    await database.change([Statement(PUT, ("a", "0"))])


async def test_errors_undo_all_and_are_ours(database: Database) -> None:
    with pytest.raises(ConflictError):
        await database.change([Statement(PUT, ("a", "0")), Many(PUT, [("b", "0"), ("a", "0")])])
    with pytest.raises(StatementError):
        await database.change([Statement(PUT, ("a", "0")), Statement("SELECT nonsense FROM settings")])
    assert await database.fetch(ALL) == []


async def test_calls_between_the_statements(database: Database) -> None:
    seen: list[str] = []
    await database.change([Statement(ALL), Statement(ALL)], seen.append)
    assert seen == ["between"] * 3
