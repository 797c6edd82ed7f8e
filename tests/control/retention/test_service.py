"""The whole of it on both databases: days of calls, runs that seal and drop them, and a proof that holds throughout."""

import pytest

from entrepot.buckets.replay import retire_silent
from entrepot.buckets.seal import DAY_US
from entrepot.control.retention import usage
from entrepot.control.retention.rules import HOURS, RULES, USAGE, WORKERS, Rule
from entrepot.control.retention.schemas import RetentionView
from entrepot.control.retention.service import Run
from entrepot.kit.clock import ManualClock
from entrepot.kit.ids import RequestIds
from entrepot.store.partitions import LIST, day_in, day_of
from entrepot.store.raw import Database
from tests.buckets.days import DAY, live, settle
from tests.buckets.desks import Bank, die

KEEP: dict[Rule, int] = {**dict.fromkeys(RULES, 0), USAGE: 3}
DAYS = 6


async def run(bank: Bank, *, dry: bool = False, heard: list[str] | None = None, **days: int) -> RetentionView:
    """A run at the bank's time."""
    kept = KEEP | {rule: days[rule.name] for rule in RULES if rule.name in days}
    said = heard if heard is not None else []
    begun = Run(bank.db, kept, int(bank.clock.wall() * 1_000_000), said.append)
    return await (begun.look() if dry else begun.work())


def rows_of(found: RetentionView, rule: Rule) -> int:
    assert all(not view.note for view in found.data), found
    return next(view.rows for view in found.data if view.rule == rule.name)


async def count(bank: Bank) -> int:
    return (await bank.db.fetch("SELECT count(*) FROM usage"))[0][0]


async def days_there(db: Database) -> list[int]:
    """Day partitions by their ordinal, on PostgreSQL."""
    found = [day_in(row[0]) for row in await db.fetch(LIST)]
    return [day.toordinal() for day in found if day is not None and day.year == 2027]


async def history(bank: Bank) -> None:
    """Six days of calls; each day is prepared the day before, as the control process does it."""
    wallets = [await bank.wallet(1_000_000) for _ in range(3)]
    for _ in range(DAYS):
        await usage.prepare_days(bank.db, day_of(int(bank.clock.wall() * 1_000_000)))
        await live(bank, wallets, 1)


async def test_days_are_sealed_and_dropped_and_the_proof_holds(bank: Bank) -> None:
    await history(bank)
    before, total = await bank.sound(), await count(bank)
    dry = rows_of(await run(bank, dry=True), USAGE)
    assert (await count(bank), await bank.sound()) == (total, before), "a dry run changes nothing"
    heard: list[str] = []
    gone = rows_of(await run(bank, heard=heard), USAGE)
    assert gone == dry == total - await count(bank) > 0
    assert any(line.startswith("usage: ") for line in heard)
    after = await bank.sound()
    assert (after.charged, after.posted, after.ledger, after.shortfall) == (
        before.charged,
        before.posted,
        before.ledger,
        before.shortfall,
    )
    first = int(bank.clock.wall() // DAY) - 3
    assert await bank.db.fetch(f"SELECT count(*) FROM usage WHERE arrived_at < {first * DAY_US}") == [(0,)]
    if bank.db.dialect == "postgresql":
        today = day_of(int(bank.clock.wall() * 1_000_000)).toordinal()
        assert await days_there(bank.db) == list(range(today - 3, today + 8))
    assert rows_of(await run(bank), USAGE) == 0
    # Receipts of what is left are there; sums of what is gone, too.
    assert (await bank.db.fetch("SELECT sum(calls) FROM usage_hourly"))[0][0] == total


async def test_a_run_that_was_cut_goes_on(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after a partition was sealed, before it was dropped; or between two batches."""
    await history(bank)
    before = await bank.sound()

    async def killed(*_: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(usage, "BATCH", 5)
    with monkeypatch.context() as cut:
        cut.setattr(usage, "drop_empty", killed)
        if bank.db.dialect == "sqlite":
            steps = iter((True, True, False))
            sealed = usage.seal_some

            async def twice(*given: object) -> int:
                if not next(steps):
                    raise KeyboardInterrupt
                return await sealed(*given)  # type: ignore[arg-type]

            cut.setattr(usage, "seal_some", twice)
        with pytest.raises(KeyboardInterrupt):
            await run(bank)
    assert (await bank.sound()).charged == before.charged
    left = rows_of(await run(bank, dry=True), USAGE)
    assert left > 0
    assert rows_of(await run(bank), USAGE) == left
    assert (await bank.sound()).charged == before.charged


async def test_a_journal_that_turns_up_after_weeks(bank: Bank) -> None:
    """Its machine was lost with calls in the journal; its days are sealed when it is found again."""
    wallet = await bank.wallet(1_000_000)
    lost = await bank.desk()
    ids = RequestIds(bank.clock)
    for _ in range(5):
        await settle(bank, lost, wallet, 100, ids)
    die(lost)
    folder = lost.flusher.journal.folder
    away = folder.rename(bank.data_dir / "away")
    await history(bank)
    assert await retire_silent(bank.db, 0) == 1
    await run(bank)
    before = await bank.sound()
    rows = await count(bank)
    away.rename(folder)
    heir = await bank.desk()
    await heir.close()
    assert await count(bank) == rows + 5
    found = await bank.sound()
    assert found.charged + found.shortfall == before.charged + before.shortfall + 500
    assert rows_of(await run(bank), USAGE) == 5
    assert await count(bank) == rows
    assert (await bank.sound()).charged == found.charged


async def test_late_calls_and_a_broken_number_together(bank: Bank) -> None:
    """A run neither hides nor mends what somebody broke."""
    await history(bank)
    await bank.db.execute("UPDATE usage SET charge = charge + 1 WHERE id = (SELECT min(id) FROM usage WHERE charge > 0)")
    found = await broken(bank)
    await run(bank)
    assert {finding[:2] for finding in await broken(bank)} == {finding[:2] for finding in found} == {"I4"}


async def broken(bank: Bank) -> tuple[str, ...]:
    with pytest.raises(AssertionError) as raised:
        await bank.sound()
    return raised.value.args[0] if isinstance(raised.value.args[0], tuple) else (str(raised.value.args[0]),)


async def test_hours_are_folded_once_their_calls_are_gone(bank: Bank) -> None:
    await history(bank)
    await run(bank, hours=2)
    await bank.sound()
    folded = (int(bank.clock.wall() // DAY) - 5) * 24  # calls are kept for 3 days, and 2 more are for those around midnight
    assert await bank.db.fetch(f"SELECT count(*) FROM usage_hourly WHERE hour % 24 <> 0 AND hour < {folded}") == [(0,)]
    assert (await bank.db.fetch(f"SELECT count(*) FROM usage_hourly WHERE hour % 24 <> 0 AND hour >= {folded}"))[0][0] > 0
    # A late call of a folded day.
    desk = await bank.desk()
    await settle(bank, desk, await bank.wallet(1000), 9, RequestIds(ManualClock()))
    await desk.step()
    await desk.close()
    await bank.sound()
    await run(bank, hours=2)
    await bank.sound()
    assert rows_of(await run(bank, usage=0, hours=2), HOURS) == 0, "hours stay where calls stay"


async def test_journals_go_with_their_calls(bank: Bank) -> None:
    await history(bank)
    await bank.db.execute("UPDATE journals SET updated_at = 0")
    await bank.db.execute("UPDATE incarnations SET seen_at = 0")
    found = await run(bank, workers=2)
    gone = rows_of(found, WORKERS)
    assert gone >= 4, "two days' journals and incarnations"
    await bank.sound()
    assert (await bank.db.fetch("SELECT count(*) FROM journals"))[0][0] == DAYS - gone // 2


async def test_what_cannot_be_done_now_has_a_note(bank: Bank) -> None:
    await history(bank)
    await bank.db.execute("UPDATE usage SET journal = 'x' WHERE id = (SELECT min(id) FROM usage)")
    found = await run(bank)
    notes = {view.rule: view.note for view in found.data}
    assert "unknown" in notes["usage"]
    assert not notes["hours"]


async def test_settings_and_time_are_the_databases(db: Database) -> None:
    await db.execute("INSERT INTO settings (name, value) VALUES ('retain_usage', '45')")
    begun = await Run.begin(db, print)
    views = {view.rule: view for view in (await begun.look()).data}
    assert (views["usage"].days, views["usage"].setting, views["workers"].days) == (45, "retain_usage", 30)
    assert {view.rows for view in views.values()} == {0}
