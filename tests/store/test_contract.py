"""Transactions with guards, on both databases: a condition that finds no row undoes all before it."""

from collections.abc import AsyncIterator

import pytest

from entrepot.store.contract import ConflictError, Database, Guard, GuardError, GuardMany, Many, Rows, Statement, StatementError
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


def rows(*names: str, conflict: str = "") -> Rows:
    return Rows("settings", ("name", "value"), ("text", "text"), conflict, [(name, "x") for name in names])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 63, 64, 65, 200])
async def test_rows_by_the_many(database: Database, count: int) -> None:
    names = [f"{number:03}" for number in range(count)]
    assert await database.change([rows(*names), Statement("SELECT name FROM settings ORDER BY name")]) == [
        [],
        [(name,) for name in names],
    ]


async def test_a_row_that_is_not_written_undoes_all(database: Database) -> None:
    keep = "ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value = 'old'"
    await database.change([Statement(PUT, ("a", "old")), Statement(PUT, ("b", "kept"))])
    await database.change([rows("a", "c", conflict=keep)])
    assert await database.fetch(ALL) == [("a", "x"), ("b", "kept"), ("c", "x")]
    with pytest.raises(GuardError) as found:
        await database.change([Statement(SET, ("a", "y")), rows("b", "d", conflict=keep)])
    assert found.value.step == 1
    with pytest.raises(ConflictError):
        await database.change([rows("e", "a")])
    assert await database.fetch(ALL) == [("a", "x"), ("b", "kept"), ("c", "x")]
