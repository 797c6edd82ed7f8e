"""PostgreSQL finds rows by their key, whatever it thought of a table that was empty when it was asked first."""

import pytest

from entrepot.access.limits_allowance import Wish
from entrepot.access.limits_statements import Statements
from entrepot.buckets import statements
from entrepot.buckets.statements import LeaseChange
from entrepot.store.contract import Guard, GuardMany, Many, Statement
from entrepot.store.postgresql import open_postgresql

COUNT = 3000
FILL = (
    "INSERT INTO incarnations (node, started_at, seen_at) VALUES ('n', 0, 0)",
    f"INSERT INTO buckets (ref, kind, created_at) SELECT 'q:' || n, 'quota', 0 FROM generate_series(1, {COUNT}) n",
    "INSERT INTO leases SELECT id, 1, 100, 0 FROM buckets WHERE id > 1",
    "INSERT INTO limit_workers (id, seen_at) VALUES ('w', 0)",
    f"INSERT INTO limit_leases SELECT 'key:' || n, 'w', 1 FROM generate_series(1, {COUNT}) n",
    f"INSERT INTO limit_uses SELECT 'key:' || n, extract(epoch FROM now())::bigint, 1 FROM generate_series(1, {COUNT}) n",
)


def hot() -> dict[str, tuple[str, tuple[object, ...]]]:
    """Statements that a worker runs for every cold key, with one row of values."""
    limits = Statements("postgresql", "w")
    wish = Wish("key:7", 10, 0, 1, 1, 1, ((5, 1),))
    work = [
        *statements.change_leases(1, [LeaseChange(7, 1, 1, True)]),
        *statements.grant(1, [statements.Grant(7, 1, 1, 1, 1)], 4),
        statements.ask_back("postgresql", 1, [], [7])[1],
        statements.answer_recalls(1, [7]),
        *limits.round(1, [wish], 1)[2:6],
        limits.forget(["key:7"]),
    ]
    found: dict[str, tuple[str, tuple[object, ...]]] = {}
    for number, step in enumerate(work):
        assert isinstance(step, Many | GuardMany | Statement | Guard)
        rows = step.rows if isinstance(step, Many | GuardMany) else [step.values]
        assert rows, step
        found[f"hot{number}"] = step.sql, tuple(rows[0])
    return found


def literal(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("vacuumed", [False, True])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_by_key_also_where_the_table_was_empty_before(database_url: str, vacuumed: bool) -> None:
    db = await open_postgresql(database_url)
    async with db._connection() as connection:  # with a worker's own settings
        if vacuumed:
            await connection.execute("VACUUM ANALYZE")
        for name, (sql, values) in hot().items():
            await connection.execute(f"PREPARE {name} AS {sql}")
            for _ in range(7):  # from the sixth on the plan is the same for all values
                await connection.execute(f"EXECUTE {name}({', '.join(map(literal, values))})")
        for sql in FILL:
            await connection.execute(sql)
        for name, (sql, values) in hot().items():
            explain = f"EXPLAIN (ANALYZE) EXECUTE {name}({', '.join(map(literal, values))})"
            plan = "\n".join(row[0] for row in await connection.fetch(explain))
            read = [int(line.rpartition(":")[2]) for line in plan.splitlines() if "Rows Removed" in line]
            assert sum(read) < 10, f"{sql}\n{plan}"
            assert "Seq Scan" not in plan, f"{sql}\n{plan}"
    await db.close()
