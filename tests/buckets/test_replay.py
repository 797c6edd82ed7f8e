"""What a dead worker leaves is applied once, by one successor, and its leases return."""

import asyncio
import os

import pytest

from entrepot.buckets import replay
from entrepot.buckets.journal import dead_folders
from entrepot.buckets.plan import HOUSE
from entrepot.kit.clock import ManualClock
from tests.buckets.desks import Bank, die
from tests.buckets.test_desk import hold


async def test_replay_settles_returns_and_retires(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    first, second, third = [await hold(desk, (wallet, 1000)) for _ in range(3)]
    first.settle(300, bank.line())
    await desk.step()
    second.settle(200, bank.line())
    third.grow(1000)
    die(desk)
    assert (await bank.sound()).charged == 300
    heir = await bank.desk()
    report = await bank.sound()
    assert (report.charged, report.outstanding, report.remaining) == (500, 0, 999_500)
    assert (heir.figures.replayed, heir.figures.interrupted) == (1, 0)
    await heir.care()
    assert (await bank.sound()).charged == 500
    await heir.close()
    assert dead_folders(bank.data_dir / "journals") == []


async def test_call_in_progress_is_settled_as_interrupted(bank: Bank) -> None:
    """With its last progress; one that ended after its progress keeps its own end."""
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    cut, ended, free, early = [await hold(desk, (wallet, 1000)) for _ in range(4)]
    lines = [bank.line() for _ in range(4)]
    early.progress(5, lines[3])
    await desk.step()
    assert desk.flusher.applied == desk.flusher.journal.end, "applied goes on; the floor stays"
    cut.progress(10, lines[0])
    cut.grow(1000)
    cut.progress(70, lines[0])
    ended.progress(20, lines[1])
    ended.settle(25, lines[1])
    free.progress(30, lines[2])
    free.release()
    await desk.step()
    die(desk)
    heir = await bank.desk()
    assert heir.figures.interrupted == 2
    found = await bank.db.fetch("SELECT id, charge, outcome FROM usage ORDER BY id")
    assert found == [(lines[0].id, 70, "interrupted"), (lines[1].id, 25, "ok"), (lines[3].id, 5, "interrupted")]
    assert (await bank.sound()).remaining == 1_000_000 - 100
    await heir.close()


async def test_one_of_two_successors_wins(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    for _ in range(20):
        (await hold(desk, (wallet, 100))).settle(7, bank.line())
    die(desk)
    heirs = await asyncio.gather(bank.desk(), bank.desk(), bank.desk())
    assert sum(heir.figures.replayed for heir in heirs) == 1
    assert (await bank.sound()).charged == 140
    for heir in heirs:
        await heir.close()
    assert (await bank.sound()).remaining == 1_000_000 - 140


async def test_a_journal_in_use_is_left_alone(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    held = await hold(desk, (wallet, 100))
    other = await bank.desk()
    await other.care()
    assert other.figures.replayed == 0
    held.settle(5, bank.line())
    await desk.close()
    await other.close()
    assert (await bank.sound()).charged == 5


async def test_retired_worker_that_wakes(bank: Bank) -> None:
    """Paused for longer than 15 minutes: its lease was returned and spent by others; what it owes is paid as far as it goes."""
    wallet = await bank.wallet(1000)
    sleeper = await bank.desk(clock=ManualClock())
    held = await hold(sleeper, (wallet, 600))
    settled = await hold(sleeper, (wallet, 400))
    settled.settle(400, bank.line())
    other = await bank.desk()
    assert await replay.retire_silent(bank.db) == 0, "a live one is left alone"
    assert await replay.retire_silent(bank.db, -1_000_000) == 2
    await other.step()
    spent = await hold(other, (wallet, 900))
    spent.settle(900, bank.line())
    await other.step()
    await bank.sound()
    held.settle(500, bank.line())
    await sleeper.step()
    assert sleeper.figures.reborn == 1
    await sleeper.step()
    report = await bank.sound()
    assert await bank.total(wallet) == 0
    assert (report.charged, report.shortfall) == (1000, 800)
    assert await bank.db.fetch("SELECT remaining FROM buckets WHERE id = $1", HOUSE) == [(-800,)]
    await bank.db.execute("UPDATE buckets SET remaining = remaining + 50 WHERE id = $1", wallet)
    await bank.db.execute("INSERT INTO ledger (bucket_id, kind, amount, reference, at) VALUES ($1, 'gift', 50, 'g', 0)", wallet)
    (await hold(sleeper, (wallet, 50))).release()
    await sleeper.close()
    await other.close()
    assert (await bank.sound()).outstanding == 0


async def test_late_journal_of_a_retired_incarnation(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    lost = await bank.desk()
    (await hold(lost, (wallet, 900))).settle(900, bank.line())
    die(lost)
    assert await replay.retire_silent(bank.db, -1_000_000) == 1
    assert await bank.total(wallet) == 1000
    elsewhere = Bank(bank.db, bank.data_dir / "elsewhere")
    desk = await elsewhere.desk()
    (await hold(desk, (wallet, 300))).settle(300, bank.line())
    await desk.close()
    heir = await bank.desk()
    report = await bank.sound()
    assert (report.charged, report.shortfall) == (1000, 200)
    await heir.close()


async def test_unknown_journals_are_kept_unless_empty(bank: Bank) -> None:
    wallet = await bank.wallet(1000)
    empty, full = await bank.desk(), await bank.desk()
    (await hold(full, (wallet, 100))).settle(1, bank.line())
    for desk in (empty, full):
        die(desk)
        await bank.db.execute("DELETE FROM journals WHERE id = $1", desk.flusher.journal.id)
    heir = await bank.desk()
    names = sorted(path.name for path in (bank.data_dir / "journals").iterdir())
    assert names == sorted([f"{full.flusher.journal.id}.orphan", heir.flusher.journal.id])
    assert heir.figures.orphans == 1
    await heir.close()


async def test_torn_tail_is_left_out_and_the_rest_counts(bank: Bank) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    ends = [(await hold(desk, (wallet, 1000))).settle(charge, bank.line()) for charge in (1, 10, 100)]
    journal = desk.flusher.journal
    die(desk)
    file = next(journal.folder.glob("*.seg"))
    with file.open("r+b") as handle:
        handle.seek(64 + ends[2] - 9)
        handle.write(bytes(9))
    heir = await bank.desk()
    assert (await bank.sound()).charged == 11
    await heir.close()


async def test_lost_machine_whose_disk_lags_behind_the_database(bank: Bank) -> None:
    """The journal ends before `applied`: nothing is applied again, and the interrupted call still gets its place."""
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    running = await hold(desk, (wallet, 1000))
    running.progress(33, bank.line())
    short = desk.flusher.journal.end
    (await hold(desk, (wallet, 1000))).settle(500, bank.line())
    await desk.step()
    die(desk)
    file = next(desk.flusher.journal.folder.glob("*.seg"))
    size = file.stat().st_size
    os.truncate(file, 64 + short)
    os.truncate(file, size)
    heir = await bank.desk()
    assert (await bank.sound()).charged == 533
    await heir.close()


@pytest.mark.parametrize("after", [1, 2])
async def test_replay_that_loses_the_database_is_tried_again(bank: Bank, after: int) -> None:
    wallet = await bank.wallet(1_000_000)
    desk = await bank.desk()
    for _ in range(3):
        (await hold(desk, (wallet, 1000))).settle(5, bank.line())
    running = await hold(desk, (wallet, 1000))
    running.progress(50, bank.line())
    die(desk)
    seen: list[str] = []

    def stop(point: str) -> None:
        seen.append(point)
        if seen.count("replay.interrupted" if after == 1 else "replay.flushed") == 1 and point.startswith("replay"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await bank.desk(crash=stop)
    heir = await bank.desk()
    report = await bank.sound()
    assert (report.charged, report.outstanding) == (65, 0)
    await heir.close()
