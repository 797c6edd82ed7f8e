"""A worker's numbers of money add up."""

import msgspec

from entrepot.buckets.figures import BOUNDS, Figures


def test_every_number_adds_up() -> None:
    one, other = Figures(), Figures()
    for number, name in enumerate(Figures.__struct_fields__, 1):
        if name != "flushes":
            setattr(one, name, number)
            setattr(other, name, 1000)
    one.note_flush(0.001)
    other.note_flush(0.002)
    other.note_flush(99.0)
    before = msgspec.structs.replace(other, flushes=list(other.flushes))
    one.add(other)
    assert other == before
    seconds = one.flush_seconds
    for number, name in enumerate(Figures.__struct_fields__, 1):
        if name not in ("flushes", "flush_seconds"):
            assert getattr(one, name) == number + 1000, name
    assert seconds == Figures.__struct_fields__.index("flush_seconds") + 1 + 0.001 + 1000 + 0.002 + 99.0
    assert (one.flushes[0], one.flushes[1], one.flushes[len(BOUNDS)], sum(one.flushes)) == (1, 1, 1, 3)
    assert Figures() == Figures(flushes=[0] * (len(BOUNDS) + 1)), "no list is shared"
