"""Room for the ends of calls; disks that are full or refuse are in test_bad_days and test_owed."""

from entrepot.buckets.record import RECORD_MAX
from entrepot.buckets.room import FIRST_ROOM, SPARE_ENDS, Room
from tests.buckets.desks import Bank


async def test_room_is_kept_for_every_call_that_runs_and_made_ahead(bank: Bank) -> None:
    desk = await bank.desk(bank.options(segment_size=64 * 1024))
    journal = desk.flusher.journal
    room = Room(desk.flusher, bank.data_dir / "journals", 64 * 1024)
    fits = journal.room // RECORD_MAX - SPARE_ENDS
    assert (room.enough(fits), room.enough(fits + 1)) == (True, False)
    assert FIRST_ROOM == RECORD_MAX * SPARE_ENDS
    await room.make(fits + 1)
    assert room.enough(fits + 1)
    before = journal.room
    await room.make(0)
    assert journal.room == before, "half a segment is enough"
    await desk.close()
