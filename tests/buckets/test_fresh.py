"""What memory still has of the journal, and when it is not asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from entrepot.buckets.batch import Batch
from entrepot.buckets.fresh import KEPT, Fresh
from entrepot.buckets.journal import Journal
from entrepot.buckets.record import RECORD_MAX, Progress, Release, Settle, decode, settled
from entrepot.buckets.rows import Facts
from tests.buckets.desks import Bank, line
from tests.buckets.test_desk import hold
from tests.buckets.test_rows import record


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.create(tmp_path, segment_size=4 << 20)
    yield made
    made.close()


def test_memory_says_what_the_journal_says(journal: Journal) -> None:
    fresh = Fresh(journal)
    ends = [
        fresh.append(each)
        for each in (
            settled(Facts(record(), '{"input":5}'), ((2, 5),), 7),
            Progress(line("b"), ()),
            Release("b"),
            Settle(line("c"), ()),
        )
    ]
    remembered = fresh.batch(0, 10)
    read = Batch.of(0, journal.read(0))
    assert remembered is not None
    assert (remembered.start, remembered.end, remembered.settles) == (read.start, read.end, read.settles)
    assert (remembered.entries, remembered.moves, ends[-1]) == ([], True, journal.end)


def test_from_the_middle_and_not_more_than_wanted(journal: Journal) -> None:
    fresh = Fresh(journal)
    ends = [fresh.append(Settle(line(str(n)), ())) for n in range(5)]
    found = fresh.batch(ends[1], 2)
    assert found is not None
    assert ([each.id for each in found.settles], found.end) == (["2", "3"], ends[3])
    assert fresh.batch(0, 5) is None  # that was let go
    assert fresh.batch(ends[4], 5) is None


def test_a_gap_ends_a_batch(journal: Journal) -> None:
    fresh = Fresh(journal)
    end = fresh.append(Settle(line("a"), ()))
    journal.append(b"another's")
    fresh.append(Settle(line("b"), ()))
    found = fresh.batch(0, 9)
    assert found is not None
    assert found.end == end
    assert fresh.batch(end, 9) is None


def test_after_a_doubt_and_beyond_its_bounds_it_knows_nothing(journal: Journal) -> None:
    fresh = Fresh(journal)
    fresh.append(Settle(line("a"), ()))
    fresh.forget()
    assert fresh.batch(0, 9) is None
    start = journal.end
    ends = [fresh.append(Release("x")) for _ in range(KEPT + 2)]
    found = fresh.batch(start, 2 * KEPT)
    assert found is not None
    assert found.end == ends[KEPT - 1]
    assert fresh.batch(found.end, 9) is None


def test_what_is_too_long_is_cut_to_the_money(journal: Journal) -> None:
    fresh = Fresh(journal)
    fresh.append(settled(Facts(record(model="模" * 9000)), ((1, 2),), 3))
    (entry,) = journal.read(0)
    found, remembered = decode(entry.payload), fresh.batch(0, 1)
    assert isinstance(found, Settle)
    assert (found.charges, found.held, len(found.line.model), len(entry.payload) < RECORD_MAX) == (((1, 2),), 3, 32, True)
    assert remembered is not None
    assert remembered.settles == [found]


async def test_nothing_is_read_in_good_weather_and_all_after_a_doubt(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    wallet = await bank.wallet(10_000)
    desk = await bank.desk()
    read: list[int] = []
    plain = Journal.read

    def counted(self: Journal, position: int, limit: int = 1 << 18) -> list[object]:
        read.append(position)
        return plain(self, position, limit)  # pyright: ignore[reportReturnType]

    monkeypatch.setattr(Journal, "read", counted)
    (await hold(desk, (wallet, 100))).settle(30, bank.line())
    await desk.step()
    assert (desk.lag, read) == (0, [])
    (await hold(desk, (wallet, 100))).settle(40, bank.line())
    await desk.flusher.read_back()
    await desk.step()
    assert (desk.lag, bool(read)) == (0, True)
    await desk.close()
    assert (await bank.sound()).charged == 70
