"""Giving memory back: when, and that it works."""

import psutil

from entrepot.kit.memory import Tide, find_trim


def test_the_tide() -> None:
    tide = Tide()
    looks = (0, 20, 10, 300, 200, 150, 140, 70, 30, 0, 40, 0)
    assert [tide.has_ebbed(running) for running in looks] == [
        False, False, False, False, False, True, False, True, True, False, False, True,
    ]  # fmt: skip


def test_freed_memory_goes_back() -> None:
    trim = find_trim()
    process = psutil.Process()
    pinned = []
    for _ in range(2000):  # holes between blocks that stay: what malloc does not return by itself
        hole = bytearray(60_000)
        pinned.append(bytearray(600))
        del hole
    blocks = [bytearray(60_000) for _ in range(2000)]
    full = process.memory_info().rss
    del blocks
    trim()
    assert process.memory_info().rss < full - 50_000_000
    assert len(pinned) == 2000
