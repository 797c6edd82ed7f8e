"""Give freed memory back to the system.

glibc keeps what lies between blocks that are still in use: after a thousand large answers had
been buffered for slow clients, 900 MB stayed with a worker of 60 MB; `malloc_trim` returned all
but 20 (measured). Where the C library has no `malloc_trim` (musl, macOS), this does nothing.
"""

import ctypes
from collections.abc import Callable


def find_trim() -> Callable[[], None]:
    """The C library's `malloc_trim`, or something that does nothing. Call it in a thread: it takes milliseconds."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return _nothing
    trim.argtypes = (ctypes.c_size_t,)
    trim.restype = ctypes.c_int

    def give_back() -> None:
        trim(0)

    return give_back


class Tide:
    """Tells when many calls have ended since the last time: then much memory may be free."""

    __slots__ = ("_peak",)

    LEAST = 32
    """A smaller rush leaves little behind."""

    def __init__(self) -> None:
        self._peak = 0

    def has_ebbed(self, running: int) -> bool:
        """Look at the number of running calls; True where it has fallen to half of its peak, or less."""
        self._peak = max(self._peak, running)
        if self._peak < self.LEAST or running > self._peak // 2:
            return False
        self._peak = running
        return True


def _nothing() -> None:
    """No such function here."""
