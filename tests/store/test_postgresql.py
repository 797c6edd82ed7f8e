"""What is PostgreSQL's own: a server that stops, comes back, hangs, or refuses."""

import asyncio
import time

import pytest

from entrepot.store.contract import StatementError, StoreAwayError, StoreError
from entrepot.store.postgresql import open_postgresql
from tests.databases import Databases, PostgresServer, free_port


@pytest.fixture
def dsn(databases: Databases) -> str:
    return databases.migrated("postgresql")


async def test_stopped_and_started_again(postgres_server: PostgresServer) -> None:
    db = await open_postgresql(postgres_server.url())
    woken = asyncio.Event()
    assert await db.fetch("SELECT 1") == [(1,)]
    assert await db.listen("x", woken.set)
    await asyncio.to_thread(postgres_server.stop)
    for _ in range(3):
        with pytest.raises(StoreAwayError):
            await db.fetch("SELECT 1")
    with pytest.raises(StoreAwayError):
        await db.listen("x", woken.set)
    await asyncio.to_thread(postgres_server.start)
    assert await db.fetch("SELECT 1") == [(1,)]
    assert await db.listen("x", woken.set)
    await db.execute("NOTIFY x")
    await asyncio.wait_for(woken.wait(), 2)
    await db.close()


async def test_listening_that_fails_leaves_no_connection(dsn: str) -> None:
    """A pooler may refuse LISTEN each time it is tried."""
    db = await open_postgresql(dsn)
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    before = await db.fetch(count)
    for _ in range(3):
        with pytest.raises(StoreError):
            await db.listen("not a name: \0", lambda: None)
    await asyncio.sleep(0.3)
    assert await db.fetch(count) == before
    await db.close()


async def test_killed_in_the_middle_of_a_statement(dsn: str) -> None:
    db = await open_postgresql(dsn)
    other = await open_postgresql(dsn)
    slow = asyncio.get_running_loop().create_task(db.fetch("SELECT pg_sleep(30)"))
    await asyncio.sleep(0.3)
    await other.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid()"
    )
    with pytest.raises(StoreAwayError):
        await slow
    assert await db.fetch("SELECT 1") == [(1,)]
    await db.close()
    await other.close()


async def test_a_statement_that_hangs_is_given_up(dsn: str) -> None:
    db = await open_postgresql(dsn, command_timeout=0.3)
    started = time.monotonic()
    with pytest.raises(StoreAwayError):
        await db.fetch("SELECT pg_sleep(30)")
    assert time.monotonic() - started < 3
    assert await db.fetch("SELECT 1") == [(1,)]
    await db.close()


async def test_a_process_that_stops_in_a_transaction_holds_nobody_up_for_long(dsn: str) -> None:
    """Paused, or its machine is gone: the server gives its locks to the others, and it learns of that when it goes on."""
    sleeper, other = [await open_postgresql(dsn, command_timeout=1.0) for _ in range(2)]
    take = "UPDATE feed_head SET v = v + 1 WHERE id = 1"
    locked = asyncio.Event()

    async def sleep_in_a_transaction() -> None:
        async with sleeper._connection() as connection, connection.transaction():
            await connection.execute(take)
            locked.set()
            await asyncio.sleep(1.5)
            await connection.execute(take)

    sleeping = asyncio.ensure_future(sleep_in_a_transaction())
    await locked.wait()
    began = time.monotonic()
    assert await other.execute(take) == 1
    assert time.monotonic() - began < 1.0
    with pytest.raises(StoreAwayError):
        await sleeping
    assert await sleeper.execute(take) == 1
    assert await other.fetch("SELECT v FROM feed_head") == [(2,)]
    await sleeper.close()
    await other.close()


async def test_a_server_that_accepts_and_never_answers() -> None:
    """A frozen machine: the kernel still accepts connections."""
    held: list[asyncio.StreamWriter] = []

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    port = free_port()
    server = await asyncio.start_server(hold, "127.0.0.1", port)
    db = await open_postgresql(f"postgresql://postgres@127.0.0.1:{port}/x", connect_timeout=0.3)
    started = time.monotonic()
    with pytest.raises(StoreAwayError):
        await db.fetch("SELECT 1")
    assert time.monotonic() - started < 3
    await db.close()
    for writer in held:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_a_connection_that_goes_dead_in_a_statement(dsn: str, databases: Databases) -> None:
    """A network that drops packets: nothing comes any more, and nothing says so."""
    silent = asyncio.Event()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if silent.is_set():
                continue
            writer.write(data)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", databases.server.port)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer), return_exceptions=True)

    port = free_port()
    server = await asyncio.start_server(relay, "127.0.0.1", port)
    through = dsn.replace(f":{databases.server.port}/", f":{port}/")
    db = await open_postgresql(through, command_timeout=0.3, connect_timeout=0.5)
    assert await db.fetch("SELECT 1") == [(1,)]
    silent.set()
    started = time.monotonic()
    for _ in range(2):
        with pytest.raises(StoreAwayError):
            await db.fetch("SELECT 1")
    assert time.monotonic() - started < 6
    silent.clear()
    assert await db.fetch("SELECT 1") == [(1,)]
    await db.close()
    server.close()


async def test_a_farewell_on_an_idle_connection_whose_end_does_not_come(dsn: str, databases: Databases) -> None:
    """A server that stops says so first; a query may fall between its words and the end of the connection."""
    over = asyncio.Event()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        await over.wait()
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", databases.server.port)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer), return_exceptions=True)

    port = free_port()
    server = await asyncio.start_server(relay, "127.0.0.1", port)
    db = await open_postgresql(dsn.replace(f":{databases.server.port}/", f":{port}/"))
    direct = await open_postgresql(dsn)
    [(backend,)] = await db.fetch("SELECT pg_backend_pid()")
    await direct.fetch("SELECT pg_terminate_backend($1)", backend)
    await asyncio.sleep(0.2)
    with pytest.raises(StoreAwayError):
        await db.fetch("SELECT 1")
    assert await db.fetch("SELECT 1") == [(1,)]
    over.set()
    await db.close()
    await direct.close()
    server.close()


async def test_more_callers_than_connections_wait_their_turn(dsn: str) -> None:
    db = await open_postgresql(dsn)
    results = await asyncio.gather(*(db.fetch("SELECT $1::int, pg_sleep(0.02)", index) for index in range(40)))
    assert [rows[0][0] for rows in results] == list(range(40))
    await db.close()


async def test_a_database_that_does_not_exist_or_lets_nobody_in_is_away(databases: Databases) -> None:
    db = await open_postgresql(databases.server.url("no_such_database"))
    with pytest.raises(StoreAwayError, match="no_such_database"):
        await db.fetch("SELECT 1")
    await db.close()
    db = await open_postgresql(databases.server.url().replace("postgres@", "stranger@"))
    with pytest.raises(StoreAwayError, match="stranger"):
        await db.fetch("SELECT 1")
    await db.close()


async def test_wrong_arguments_are_a_mistake_and_not_weather(dsn: str) -> None:
    db = await open_postgresql(dsn)
    with pytest.raises(StatementError, match="expects 1 argument"):
        await db.fetch("SELECT $1::int", 1, 2)
    with pytest.raises(StatementError):
        await db.fetch("SELECT $1::int", "text")
    await db.close()
