"""The bucket of wrong keys: fills, leaks, stays bounded."""

from entrepot.access import guesses
from entrepot.access.guesses import Guesses
from entrepot.kit.clock import ManualClock


def test_fills_and_leaks() -> None:
    clock = ManualClock()
    bucket = Guesses(clock)
    for _ in range(60):
        assert not bucket.blocked("a")
        bucket.count("a")
    assert bucket.blocked("a")
    assert 1.0 <= bucket.wait("a") <= 2.0
    clock.advance(5)
    assert not bucket.blocked("a")


def test_is_bounded(monkeypatch) -> None:
    monkeypatch.setattr(guesses, "ADDRESSES", 100)
    bucket = Guesses(ManualClock())
    for n in range(1000):
        bucket.count(str(n))
    assert len(bucket._level) == 100
