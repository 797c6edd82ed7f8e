"""The tap of a format that is read by its reader alone: bytes pass, events are only counted.

For formats whose every frame has to be read whole anyway. `cut_off` is how such a stream is ended before its time.
"""

import re
from collections.abc import Callable

from entrepot.core.conversion import Reader
from entrepot.core.delivered import Delivered
from entrepot.core.dialect import Tapping
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Usage
from entrepot.dialects.shared.frames import Frames
from entrepot.kit import json

_MAX_WHOLE = 64 * 1024 * 1024
"""Bytes of a whole answer of which usage is read; more than any vendor sends."""


class Shown:
    """Puts the public model name in place of the vendor's, wherever a frame has a string of that member."""

    __slots__ = ("_member", "_new")

    def __init__(self, member: str, name: str) -> None:
        # An unescaped key cannot stand inside a JSON string, so what a model says is never touched.
        self._member = re.compile(rb'("' + member.encode() + rb'"\s*:\s*)"(?:[^"\\]|\\.)*"')
        self._new = rb"\g<1>" + json.encode(name).replace(b"\\", rb"\\")

    def replaced(self, data: bytes) -> bytes:
        """The bytes with the public name."""
        return self._member.sub(self._new, data)


class ReadingTap:
    """One answer (contract: core/dialect.py, Tap)."""

    __slots__ = ("_cut_off", "_delivered", "_frames", "_pieces", "_reader", "_shown", "_size", "done", "frames")

    def __init__(self, how: Tapping, reader: Reader, member: str, cut_off: Callable[[int], bytes]) -> None:
        """`member`: where answers have the model's name. `cut_off` makes the end of a stream after so many frames."""
        self.done = False
        self.frames = 0
        """Whole frames so far."""
        self._reader = reader
        self._cut_off = cut_off
        self._delivered = Delivered()
        self._shown = Shown(member, how.show_model) if how.show_model is not None else None
        self._frames = Frames() if how.stream else None
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def content(self) -> bool:
        """The first content has come."""
        return self._delivered.content

    @property
    def fault(self) -> Fault | None:
        """An error inside the answer."""
        return self._delivered.fault

    @property
    def usage(self) -> Usage | None:
        """The vendor's own count."""
        return self._delivered.usage

    @property
    def empty(self) -> bool:
        """Nothing has come that a client could read."""
        return self._delivered.empty

    def feed(self, data: bytes) -> bytes:
        """Take what arrived, give what may be passed on (whole frames). Raises Fault(VENDOR_GARBAGE)."""
        if self._frames is None:
            self._pieces.append(data)
            self._size += len(data)
            if self._size > _MAX_WHOLE:
                raise Fault(Kind.VENDOR_GARBAGE, "The upstream's answer is too large.")
            return b""
        frames = self._frames.feed(data)
        self.frames += len(frames)
        return self._read(b"".join(frames)) if frames else b""

    def end(self) -> bytes:
        """The vendor closed: what is left to pass on. Raises Fault(VENDOR_TRUNCATED) where the answer is not complete."""
        if self._frames is None:
            out = self._read(b"".join(self._pieces))
            self._pieces.clear()
        else:
            out = self._read(self._frames.rest) if self._frames.rest.strip() else b""
        if self.fault is None and not self._reader.done:
            for event in self._reader.end():
                self._delivered.note(event)
        self.done = self.fault is None
        return out

    def last(self, cost: str) -> bytes:
        """Nothing waits for the charge."""
        del cost
        return b""

    def cutoff(self) -> bytes:
        """A well-formed end."""
        return b"" if self.done else self._cut_off(self.frames)

    def counted(self) -> Usage:
        """Our own count of what was delivered."""
        return self._delivered.counted()

    def _read(self, data: bytes) -> bytes:
        for event in self._reader.feed(data):
            self._delivered.note(event)
        self.done = self._reader.done and self.fault is None
        return self._shown.replaced(data) if self._shown is not None else data
