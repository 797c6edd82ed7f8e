"""Refusals say which bucket, and how much is missing."""

from entrepot.buckets.errors import FencedError, InsufficientError, OnHoldError, RefusedError


def test_what_they_carry() -> None:
    short, waiting = InsufficientError(7, 40), OnHoldError(8)
    assert (short.bucket, short.missing, waiting.bucket) == (7, 40, 8)
    assert "40" in str(short)
    assert all(issubclass(kind, RefusedError) for kind in (InsufficientError, OnHoldError, FencedError))
