"""A stream's bytes as whole frames, with our faults for what is none."""

from collections.abc import Callable, Iterable

from entrepot.core.events import Event
from entrepot.core.faults import Fault, Kind
from entrepot.kit import sse


class Frames:
    """Cuts one stream."""

    __slots__ = ("_splitter",)

    def __init__(self) -> None:
        self._splitter = sse.Splitter()

    @property
    def rest(self) -> bytes:
        """What has arrived of a frame that is not whole yet."""
        return self._splitter.rest

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that are whole now. Raises Fault(VENDOR_GARBAGE)."""
        try:
            return self._splitter.feed(data)
        except sse.FrameTooLargeError as error:
            raise Fault(Kind.VENDOR_GARBAGE, f"The upstream's answer could not be understood: {error}.") from None

    def last(self, read: Callable[[bytes], Iterable[Event]]) -> list[Event]:
        """The events of a last frame without its empty line. Raises Fault(VENDOR_TRUNCATED) where it is not whole."""
        if not self.rest.strip():
            return []
        try:
            return list(read(self.rest))
        except Fault:
            raise Fault(Kind.VENDOR_TRUNCATED) from None
