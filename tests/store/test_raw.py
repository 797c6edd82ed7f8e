"""The raw drivers, the same on both databases."""

import asyncio
import contextlib
import subprocess
import sys

import pytest

from entrepot.store.raw import (
    ConflictError,
    Database,
    DatabaseUrlError,
    Many,
    Statement,
    StatementError,
    StoreAwayError,
    open_database,
)

SET = "INSERT INTO settings (name, value) VALUES ($1, $2)"


async def names(db: Database) -> list[str]:
    return [row[0] for row in await db.fetch("SELECT name FROM settings ORDER BY name")]


async def test_values_of_every_type_come_back(db: Database) -> None:
    await db.execute("INSERT INTO channels (id, name, provider, created_at) VALUES ($1, $2, $3, $4)", 7, "é 中", "x", 2**53)
    insert = "INSERT INTO channel_keys (id, channel_id, position, secret, hint) VALUES ($1, $2, $3, $4, $5)"
    await db.execute(insert, 1, 7, 0, b"\x00\xff", "")
    rows = await db.fetch(
        "SELECT c.name, c.created_at, k.secret, k.reason "
        "FROM channels c JOIN channel_keys k ON k.channel_id = c.id WHERE c.id = $1",
        7,
    )
    assert rows == [("é 中", 2**53, b"\x00\xff", "")]
    assert type(rows[0]) is tuple


async def test_placeholders_go_by_number_not_by_order(db: Database) -> None:
    await db.execute("INSERT INTO settings (name, value) VALUES ($2, $1)", "value", "name")
    assert await db.fetch("SELECT name, value FROM settings WHERE name = $1 OR name = $1", "name") == [("name", "value")]


async def test_execute_counts_rows(db: Database) -> None:
    for name in "abc":
        assert await db.execute(SET, name, "1") == 1
    assert await db.execute("UPDATE settings SET value = $1 WHERE name > $2", "2", "a") == 2
    assert await db.execute("DELETE FROM settings WHERE name = $1", "none") == 0


async def test_a_transaction_is_all(db: Database) -> None:
    changed = await db.transaction(
        [
            Many(SET, [("a", "1"), ("b", "2"), ("c", "3")]),
            Statement("DELETE FROM settings WHERE value < $1", ("3",)),
            Statement(SET, ("d", "4")),
        ]
    )
    assert changed == [3, 2, 1]
    assert await names(db) == ["c", "d"]


@pytest.mark.parametrize(
    "bad",
    [
        Statement(SET, ("a", "again")),
        Statement("INSERT INTO no_such_table (x) VALUES ($1)", ("1",)),
        Many(SET, [("z", "1"), ("a", "again")]),
    ],
)
async def test_or_nothing(db: Database, bad: Statement | Many) -> None:
    with pytest.raises((ConflictError, StatementError)):
        await db.transaction([Statement(SET, ("a", "1")), Many(SET, [("b", "2"), ("c", "3")]), bad])
    assert await names(db) == []
    await db.execute(SET, "works", "again")
    assert await names(db) == ["works"]


async def test_a_cancelled_transaction_leaves_no_half(db: Database) -> None:
    for attempt in range(20):
        work = [Many(SET, [(f"{attempt} {index}", "x") for index in range(300)])]
        task = asyncio.get_running_loop().create_task(db.transaction(work))
        await asyncio.sleep(attempt / 4000)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert len(await names(db)) % 300 == 0


async def test_constraints_are_conflicts(db: Database) -> None:
    await db.execute(SET, "a", "1")
    with pytest.raises(ConflictError):
        await db.execute(SET, "a", "2")
    with pytest.raises(ConflictError):  # foreign keys are on
        await db.execute(
            "INSERT INTO channel_keys (channel_id, position, secret, hint) VALUES ($1, $2, $3, $4)", 99, 0, b"", ""
        )
    with pytest.raises(ConflictError):
        await db.execute("INSERT INTO settings (name) VALUES ($1)", "no value")


async def test_mistakes_are_named(db: Database) -> None:
    for wrong in (
        db.fetch("SELECT nothing FROM settings"),
        db.fetch("SELEC 1"),
        db.fetch("SELECT name FROM settings WHERE name = $1"),
        db.execute("UPDATE feed_head SET v = $1", 2**70),
        db.execute(SET, "a", object()),
    ):
        with pytest.raises(StatementError):
            await wrong
    assert await names(db) == []


async def test_a_read_sees_one_moment(db: Database, database_url: str) -> None:
    other = await open_database(database_url)
    done = asyncio.Event()

    async def write() -> int:
        count = 0
        while not done.is_set():
            await other.transaction(
                [Statement("UPDATE feed_head SET v = v + 1"), Statement(SET, (f"row {count}", ""))],
            )
            count += 1
        return count

    writer = asyncio.get_running_loop().create_task(write())
    look = [Statement("SELECT v FROM feed_head"), Statement("SELECT count(*) FROM settings")]
    try:
        for _ in range(5000):
            head, rows = await db.read(look)
            assert head == rows
            if head[0][0] > 60:
                break
    finally:
        done.set()
        written = await writer
        await other.close()
    assert written > 20


async def test_concurrent_callers_share_it(db: Database) -> None:
    async def add(name: str) -> None:
        await db.execute(SET, name, "x")
        assert await db.fetch("SELECT value FROM settings WHERE name = $1", name) == [("x",)]

    await asyncio.gather(*(add(f"{index:03}") for index in range(100)))
    assert len(await names(db)) == 100


async def test_an_address_of_no_database() -> None:
    for url in ("mysql://localhost/x", "sqlite://", "sqlite:///:memory:", "entrepot.db"):
        with pytest.raises(DatabaseUrlError):
            await open_database(url)


async def test_no_sqlalchemy_in_a_gateway() -> None:
    """A worker has none of control's imports: memory, and start-up time."""
    look = (
        "import sys, entrepot.store.raw, entrepot.store.vault, entrepot.store.keys, "
        "entrepot.snapshot.load, entrepot.snapshot.watch; "
        "print([name for name in sys.modules if name.split('.')[0] in ('sqlalchemy', 'alembic', 'aiosqlite', 'pydantic')])"
    )
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.strip() == "[]"


async def test_nothing_listens_where_nothing_is(databases: object) -> None:
    db = await open_database("postgresql://postgres@127.0.0.1:1/none")
    for attempt in (db.fetch("SELECT 1"), db.execute("SELECT 1"), db.read([]), db.listen("x", lambda: None)):
        with pytest.raises(StoreAwayError):
            await attempt
    await db.close()
