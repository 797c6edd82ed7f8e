"""Long work in a thread beside the event loop: it has to let go now and then, or the loop waits for the interpreter's lock.

The interpreter hands the lock over every 5 ms at most (sys.getswitchinterval), once for each time that the loop wants it:
calls that take a few turns of the loop would take tens of milliseconds. A sleep, however short, lets go at once.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

EVERY: Final = 16
PAUSE: Final = 0.0001
"""Seconds: long enough for the loop to take the lock."""


def in_breaths(items: Iterable[T]) -> Iterator[T]:
    """The same items, with a pause after every few. For threads only: it sleeps."""
    for number, item in enumerate(items, 1):
        yield item
        if number % EVERY == 0:
            time.sleep(PAUSE)
