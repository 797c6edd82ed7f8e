"""The journal on a real disk: append, read, roll, crash, adopt, sync, trim."""

import asyncio
from pathlib import Path

import pytest

from entrepot.buckets.errors import JournalError
from entrepot.buckets.journal import Journal, dead_folders, sweep
from entrepot.buckets.segment import HEADER_SIZE

SMALL = 4096


def filled(root: Path, count: int = 40, size: int = 300, *, durable: bool = False) -> Journal:
    journal = Journal.create(root, segment_size=SMALL, durable=durable)
    for number in range(count):
        journal.append(number.to_bytes(4, "big") * (size // 4))
    return journal


def everything(journal: Journal, position: int = 0) -> list[bytes]:
    found: list[bytes] = []
    while entries := journal.read(position):
        assert entries[0].start >= position
        position = entries[-1].end
        found += [entry.payload for entry in entries]
    return found


def test_reads_back_over_segments_and_positions_only_grow(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    assert len(list(journal.folder.glob("*.seg"))) > 3
    assert [payload[:4] for payload in everything(journal)] == [n.to_bytes(4, "big") for n in range(40)]
    first = journal.read(0)
    assert everything(journal, first[2].end) == everything(journal)[3:]
    assert everything(journal, journal.end) == []
    journal.close()


def test_a_record_longer_than_a_chunk_is_read_whole(tmp_path: Path) -> None:
    journal = Journal.create(tmp_path, segment_size=64 * 1024)
    journal.append(b"x" * 20_000)
    assert [len(entry.payload) for entry in journal.read(0, limit=512)] == [20_000]
    with pytest.raises(JournalError):
        journal.append(b"x" * 70_000)
    journal.append(b"y")
    assert len(everything(journal)) == 2
    journal.close()


def test_only_one_owner_and_a_successor_after_it(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    assert dead_folders(tmp_path) == [journal.folder]
    assert Journal.adopt(journal.folder, segment_size=SMALL) is None
    end = journal.end
    journal.close()
    heir = Journal.adopt(journal.folder, segment_size=SMALL)
    assert heir is not None
    assert Journal.adopt(journal.folder, segment_size=SMALL) is None
    assert (heir.end, heir.torn) == (end, 0)
    heir.append(b"later")
    assert everything(heir)[-1] == b"later"
    assert len(everything(heir)) == 41
    heir.finish(1000.0)
    assert dead_folders(tmp_path) == []
    assert Journal.adopt(journal.folder, segment_size=SMALL) is None
    assert (sweep(tmp_path, 999.0), sweep(tmp_path, 1001.0)) == (0, 1)
    assert list(tmp_path.iterdir()) == []


def test_torn_tail_at_every_byte(tmp_path: Path) -> None:
    """Whatever part of the last record reached the disk, all before it counts and the journal goes on."""
    journal = Journal.create(tmp_path, segment_size=SMALL)
    journal.append(b"first")
    whole = journal.end
    journal.append(bytes(range(1, 60)))
    end = journal.end
    journal.close()
    file = next(journal.folder.glob("*.seg"))
    data = file.read_bytes()
    for cut in range(whole, end + 1):
        file.write_bytes(data[: HEADER_SIZE + cut].ljust(len(data), b"\0"))
        heir = Journal.adopt(journal.folder, segment_size=SMALL)
        assert heir is not None
        # A cut inside the last bytes may leave a whole record where those bytes were zero anyway: none here is.
        assert everything(heir) == ([b"first", bytes(range(1, 60))] if cut == end else [b"first"])
        assert heir.end == (end if cut == end else whole)
        heir.append(b"after")
        assert everything(heir)[-1] == b"after"
        heir.close()
        for path in heir.folder.glob("*.seg"):
            if path != file:
                path.unlink()


def test_flipped_byte_is_not_believed(tmp_path: Path) -> None:
    journal = filled(tmp_path, 5)
    journal.close()
    file = next(journal.folder.glob("*.seg"))
    data = bytearray(file.read_bytes())
    for offset in (HEADER_SIZE + 308 * 2, HEADER_SIZE + 308 * 2 + 5, HEADER_SIZE + 308 * 2 + 100):
        spoiled = bytearray(data)
        spoiled[offset] ^= 4
        file.write_bytes(spoiled)
        heir = Journal.adopt(journal.folder, segment_size=SMALL)
        assert heir is not None
        assert len(everything(heir)) == 2
        assert heir.torn > 0
        heir.close()


def test_resumes_above_what_the_database_knows(tmp_path: Path) -> None:
    """A lost machine had less on disk than was applied: new records must not fall below the applied position."""
    journal = filled(tmp_path, 3)
    journal.close()
    heir = Journal.adopt(journal.folder, segment_size=SMALL)
    assert heir is not None
    heir.resume(5000)
    heir.append(b"new")
    assert [entry.start for entry in heir.read(5000)] == [5000]
    assert len(everything(heir)) == 4
    heir.close()


def test_spares_are_kept_ahead_and_used(tmp_path: Path) -> None:
    journal = filled(tmp_path, 1)
    journal.tend(3 * SMALL)
    assert journal.room >= 4 * (SMALL - HEADER_SIZE)
    room = journal.room
    journal.append(b"x" * 100)
    assert journal.room == room - 108
    journal.close()


def test_segments_that_are_left_are_let_go(tmp_path: Path) -> None:
    """An open file keeps its space on the disk, deleted or not; a worker leaves thousands of segments a day."""
    journal = filled(tmp_path)
    open_files = [path for fd in Path("/proc/self/fd").iterdir() if str(path := fd.resolve()).startswith(str(tmp_path))]
    assert sorted(path.name for path in open_files) == [max(path.name for path in journal.folder.glob("*.seg")), "lock"]
    journal.close()


def test_trims_only_what_is_old_and_below_the_floor(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    now = journal.folder.stat().st_mtime
    assert journal.trim(journal.end, now - 86_400) == 0
    assert journal.trim(0, now + 60) == 0
    floor = journal.read(0)[-1].end + 1
    assert journal.trim(floor, now + 60) == 1
    assert journal.first > 0
    with pytest.raises(JournalError):
        journal.read(0)
    assert everything(journal, journal.first)
    journal.close()


async def test_synced_waits_for_one_sync_of_many(tmp_path: Path) -> None:
    journal = filled(tmp_path, durable=True)
    assert journal._unsynced
    positions = [journal.end, journal.append(b"more")]
    await asyncio.gather(*(journal.synced(position) for position in positions * 10))
    await journal.synced(positions[0])
    assert not journal._unsynced
    journal.close()


async def test_failed_sync_is_told_to_all(tmp_path: Path) -> None:
    journal = filled(tmp_path, 2)
    fd, journal._fd = journal._fd, 9_999
    results = await asyncio.gather(*(journal.synced(journal.end) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [JournalError] * 3
    journal._fd = fd
    journal.close()
