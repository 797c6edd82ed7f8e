"""The bytes of a journal's file: a header, then records (length, checksum, payload), then zeros.

The checksum covers the record's position too, so bytes of another place or time never pass for a record.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

MAGIC: Final = b"entrepot-money-1"
_HEADER = struct.Struct("<16sQ40s")
_RECORD = struct.Struct("<II")
HEADER_SIZE: Final = _HEADER.size
OVERHEAD: Final = _RECORD.size


class Entry(NamedTuple):
    """One record in the journal; positions are bytes of records since the journal began."""

    start: int
    end: int
    payload: bytes


def header(journal_id: str, base: int) -> bytes:
    """The first bytes of a segment whose first record stands at position `base`."""
    return _HEADER.pack(MAGIC, base, journal_id.encode())


def header_base(data: bytes, journal_id: str) -> int | None:
    """The base that a header names; None where it is not a header of this journal."""
    if len(data) < HEADER_SIZE:
        return None
    magic, base, name = _HEADER.unpack_from(data)
    return base if magic == MAGIC and name.rstrip(b"\0") == journal_id.encode() else None


def frame(payload: bytes, position: int) -> bytes:
    """A record as it is written at `position`."""
    return _RECORD.pack(len(payload), zlib.crc32(payload, _seed(position, len(payload)))) + payload


def entries(data: bytes, position: int) -> Iterator[Entry]:
    """The records from `position` on, until one is cut off or not valid."""
    offset = 0
    while offset + OVERHEAD <= len(data):
        size, checksum = _RECORD.unpack_from(data, offset)
        end = offset + OVERHEAD + size
        if size == 0 or end > len(data):
            return
        payload = data[offset + OVERHEAD : end]
        if zlib.crc32(payload, _seed(position, size)) != checksum:
            return
        yield Entry(position, position + OVERHEAD + size, payload)
        position += OVERHEAD + size
        offset = end


def record_size(data: bytes) -> int:
    """Bytes of the record that begins here, its overhead included; 0 where the length is not there or zero."""
    if len(data) < OVERHEAD:
        return 0
    size = _RECORD.unpack_from(data)[0]
    return size + OVERHEAD if size else 0


def _seed(position: int, size: int) -> int:
    return (position ^ (position >> 32) ^ (size << 7)) & 0xFFFFFFFF
