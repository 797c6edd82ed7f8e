"""The raw contract inside a transaction of control's, on both databases."""

import pytest

from entrepot.control.errors import ConflictError, UnavailableError
from entrepot.control.services import Services
from entrepot.store.contract import ConflictError as StoreConflictError
from entrepot.store.contract import Guard, GuardError, GuardMany, Many, Rows, Statement, StatementError, StoreAwayError
from entrepot.store.raw import Database

PUT = "INSERT INTO settings (name, value) VALUES ($1, $2) RETURNING name"
NAMES = "SELECT name FROM settings WHERE name NOT LIKE 'vault%' ORDER BY name"


async def test_one_transaction_that_commits_at_its_end(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        assert tx.raw.dialect == db.dialect
        assert await tx.raw.fetch(PUT, "a", "1") == [("a",)]
        assert await tx.raw.execute("UPDATE settings SET value = $2 WHERE name = $1", "a", "2") == 1
        assert await tx.raw.execute("UPDATE settings SET value = '3' WHERE name = 'z'") == 0
        assert await tx.raw.transaction([Many(PUT, [("b", "1"), ("c", "1")]), Statement(PUT, ("d", "1"))]) == [2, 1]
        assert await tx.raw.read([Statement(NAMES), Statement("SELECT 1")]) == [[("a",), ("b",), ("c",), ("d",)], [(1,)]]
        assert not await tx.raw.listen("x", lambda: None)
        await tx.raw.close()
        if db.dialect == "postgresql":
            assert await db.fetch(NAMES) == []
    assert [row[0] for row in await db.fetch(NAMES)] == ["a", "b", "c", "d"]


async def test_a_change_that_fails_leaves_the_rest_as_it_was(services: Services, db: Database) -> None:
    async with services.transaction() as tx:
        await tx.raw.execute(PUT, "kept", "1")
        with pytest.raises(StoreConflictError):
            await tx.raw.change([Statement(PUT, ("x", "1")), Statement(PUT, ("kept", "2"))])
        with pytest.raises(GuardError) as caught:
            await tx.raw.change(
                [Statement(PUT, ("x", "1")), Guard("UPDATE settings SET value = '' WHERE name = 'no' RETURNING 1")]
            )
        assert caught.value.step == 1
        with pytest.raises(GuardError):
            await tx.raw.change([GuardMany("UPDATE settings SET value = '' WHERE name = $1 RETURNING 1", [("kept",), ("no",)])])
        with pytest.raises(StoreConflictError):
            await tx.raw.transaction([Statement(PUT, ("x", "1")), Statement(PUT, ("kept", "2"))])
        with pytest.raises(StatementError):
            await tx.raw.change([Rows("settings", ("name",), ("text",), "", [("x",)])])
        seen: list[str] = []
        assert await tx.raw.change([Statement(PUT, ("after", "1"))], seen.append) == [[("after",)]]
        assert seen == ["between"]
    assert await db.fetch("SELECT name, value FROM settings WHERE name NOT LIKE 'vault%' ORDER BY name") == [
        ("after", "1"),
        ("kept", "1"),
    ]


async def test_errors_that_leave_are_in_controls_words(services: Services) -> None:
    with pytest.raises(ConflictError):
        async with services.transaction() as tx:
            await tx.raw.transaction([Many(PUT, [("a", "1"), ("a", "1")])])
    with pytest.raises(UnavailableError):
        async with services.transaction():
            raise StoreAwayError("gone")
    with pytest.raises(StatementError):
        async with services.reading() as tx:
            await tx.raw.fetch("SELECT nothing FROM nowhere")
