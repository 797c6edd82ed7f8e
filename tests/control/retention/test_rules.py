"""Rules on both databases: what is too old goes, in batches; what is needed stays."""

import asyncio
import re
from pathlib import Path

import pytest

from entrepot.buckets import accounts
from entrepot.buckets.replay import retire_silent
from entrepot.control.retention import rules
from entrepot.control.retention.rules import BUDGETS, PRICES, QUOTAS, REJECTS, RULES, USAGE, WORKERS, Rule
from entrepot.store.contract import Many
from entrepot.store.raw import Database
from entrepot.store.schema import metadata
from tests.buckets.desks import Bank

HORIZON = 1_700_000_000_000_000
"""Before the day on which this runs: workers and journals have the database's own time."""


def deletion(table: str, rule: Rule | None = None) -> rules.Deletion:
    return next(found for found in rules.DELETIONS if found.table == table and rule in (None, found.rule))


async def purge(db: Database, table: str, horizon: int = HORIZON, rule: Rule | None = None) -> int:
    """All that a rule deletes; it must say so before."""
    expected, gone = await rules.count(db, deletion(table, rule), horizon), 0
    while some := await rules.delete_some(db, deletion(table, rule), horizon):
        gone += some
    assert gone == expected
    return gone


def test_days_come_from_the_settings_and_nonsense_is_not_read() -> None:
    assert rules.days_of({}) == {rule: rule.days for rule in RULES}
    found = rules.days_of({"retain_usage": "7", "retain_workers": "0", "retain_prices": "-1", "retain_rejects": "x"})
    assert (found[USAGE], found[WORKERS], found[PRICES], found[REJECTS]) == (7, 0, PRICES.days, REJECTS.days)
    assert [rules.is_days(text) for text in ("0", "1", "2", "36500", "36501", "", "1.5", "٣")] == [
        True,
        False,
        True,
        True,
        False,
        False,
        False,
        False,
    ]


async def test_workers_and_journals_after_their_end(bank: Bank) -> None:
    for _ in range(3):
        await (await bank.desk()).close()
    live = await bank.desk()
    db = bank.db
    assert await purge(db, "journals") == 0, "they ended just now"
    await db.execute("UPDATE journals SET updated_at = $1", HORIZON - 1)
    await db.execute("UPDATE incarnations SET seen_at = $1", HORIZON - 1)
    await db.execute("UPDATE journals SET settled = 1 WHERE id = (SELECT min(id) FROM journals WHERE state = 'closed')")
    # One has a usage row that is not sealed; one is open. The live worker has its incarnation.
    assert await purge(db, "journals") == 2
    assert await purge(db, "incarnations") == 2
    assert await db.fetch("SELECT state FROM incarnations ORDER BY state") == [("live",), ("retired",)]
    live.flusher.journal.close()


async def test_recalls_that_nobody_will_answer(bank: Bank) -> None:
    desk = await bank.desk()
    insert = "INSERT INTO recalls (incarnation_id, bucket_id, at) VALUES ($1, $2, $3)"
    me = desk.flusher.incarnation
    await bank.db.transaction([Many(insert, [(me, 1, HORIZON - 1), (me + 900, 1, HORIZON - 1), (me + 900, 2, HORIZON + 1)])])
    assert await purge(bank.db, "recalls") == 1
    assert await bank.db.fetch("SELECT incarnation_id, bucket_id FROM recalls ORDER BY at") == [(me, 1), (me + 900, 2)]
    desk.flusher.journal.close()


async def test_rejects_in_batches(db: Database) -> None:
    insert = "INSERT INTO journal_rejects (journal_id, position, record, error, at) VALUES ($1, $2, $3, 'e', $4)"
    rows = [("j", number, b"x", HORIZON + (number - 1500)) for number in range(2000)]
    await db.transaction([Many(insert, rows)])
    assert await rules.delete_some(db, deletion("journal_rejects"), HORIZON) == rules.BATCH
    assert await purge(db, "journal_rejects") == 500
    assert await db.fetch("SELECT count(*) FROM journal_rejects") == [(500,)]


async def test_quotas_that_no_key_has_any_more(bank: Bank) -> None:
    db = bank.db
    await db.execute("INSERT INTO users (name, created_at) VALUES ('ada', 0)")
    for name, status in (("kept", "enabled"), ("gone", "deleted"), ("used", "deleted")):
        await db.execute(
            "INSERT INTO keys (user_id, name, sha256, hint, status, created_at) SELECT id, $1, $1, '', $2, 0 FROM users",
            name,
            status,
        )
    ids = dict(await db.fetch("SELECT name, id FROM keys"))
    made = {name: await accounts.open_bucket(db, "quota", accounts.quota_ref(ids[name]), 1000) for name in ids}
    lifted = await accounts.open_bucket(db, "quota", f"{accounts.quota_ref(99)}:lifted:5", 1000)
    young = await accounts.open_bucket(db, "quota", f"{accounts.quota_ref(98)}:lifted:6", 1000)
    await db.execute("UPDATE buckets SET created_at = CASE id WHEN $1 THEN CAST($2 AS BIGINT) ELSE 0 END", young, HORIZON)
    desk = await bank.desk()
    await db.execute(
        "INSERT INTO leases (bucket_id, incarnation_id, granted) VALUES ($1, $2, 5)", made["used"], desk.flusher.incarnation
    )
    assert await purge(db, "buckets") == 2
    left = {row[0] for row in await db.fetch("SELECT id FROM buckets WHERE kind = 'quota'")}
    assert left == {made["kept"], made["used"], young}
    assert lifted not in left
    desk.flusher.journal.close()


async def test_buckets_of_periods_that_have_ended(bank: Bank) -> None:
    """What a charge that comes later still owes to one of them, it pays from the wallet alone."""
    db, wallet = bank.db, await bank.wallet(1000)
    ends = {"ended": HORIZON - 1, "leased": HORIZON - 1, "young": HORIZON, "total": None}
    made = {name: await accounts.open_bucket(db, "budget", f"budget:user:1:{name}", 500) for name in ends}
    for name, end in ends.items():
        await db.execute("UPDATE buckets SET ends_at = $1 WHERE id = $2", end, made[name])
    quota = await bank.quota(500)
    await db.execute("UPDATE buckets SET ends_at = 1 WHERE id = $1", quota)
    desk = await bank.desk()
    task = asyncio.ensure_future(desk.hold([(wallet, 100), (made["leased"], 100)]))
    while not task.done():
        await asyncio.sleep(0)
        await desk.step()
    assert await purge(db, "buckets", rule=BUDGETS) == 1
    left = {row[0] for row in await db.fetch("SELECT id FROM buckets WHERE kind IN ('budget', 'quota')")}
    assert left == {*made.values(), quota} - {made["ended"]}
    await retire_silent(db, -10_000_000)  # another believes that the worker is lost: its leases go back
    assert await purge(db, "buckets", rule=BUDGETS) == 1
    (await task).settle(70, bank.line())
    await desk.close()
    assert await bank.total(wallet) == 930
    await bank.sound()


@pytest.mark.parametrize(
    ("later", "gone"),
    [
        ({}, 1),
        ({"kind": "output"}, 0),
        ({"conditions": '{"prompt_over":200000}'}, 0),
        ({"valid_from": HORIZON}, 0),
        ({"valid_from": 5}, 1),  # the same moment: the one that was written later holds
        ({"valid_from": 4}, 1),
    ],
)
async def test_prices_that_a_later_one_replaced(db: Database, later: dict[str, object], gone: int) -> None:
    await db.execute("INSERT INTO models (name, created_at) VALUES ('m', 0)")
    insert = (
        "INSERT INTO prices (model_id, kind, nano, conditions, valid_from) "
        "SELECT id, CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS BIGINT) FROM models"
    )
    base: dict[str, object] = {"kind": "input", "nano": 1, "conditions": "{}", "valid_from": 5}
    for nano, changes in ((1, {}), (2, {"valid_from": HORIZON - 1, **later})):
        await db.execute(insert, *(base | {"nano": nano} | changes).values())
    ((before,),) = await db.fetch("SELECT v FROM feed_head")
    assert await purge(db, "prices") == gone
    nanos = [row[0] for row in await db.fetch("SELECT nano FROM prices ORDER BY nano")]
    expected = [1, 2] if not gone else [1] if later.get("valid_from") == 4 else [2]
    assert nanos == expected
    if gone:
        assert (await db.fetch("SELECT v FROM feed_head"))[0][0] > before, "workers must read them anew"


def test_every_rule_has_something_to_do() -> None:
    assert {found.rule for found in rules.DELETIONS} == {WORKERS, REJECTS, QUOTAS, BUDGETS, PRICES}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_table_has_a_rule_in_the_book() -> None:
    """A table that nobody thought of fills the disk of whoever runs this for years."""
    text = docs("operations.md").partition("Every table has a rule:")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)} == set(metadata.tables)
    assert {rule.setting for rule in RULES} == set(re.findall(r"`(retain_[a-z]+)` \|", docs("operations.md")))
    assert all(rule.setting in docs("configuration.md") for rule in RULES)


def docs(name: str) -> str:
    return (Path(__file__).parents[3] / "docs" / name).read_text()
