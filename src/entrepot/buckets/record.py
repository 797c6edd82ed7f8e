"""What a journal says: a charge, the progress of a long call, or that such a call ended without a charge.

Calls write the facts they have (`CallSettle`, `CallProgress`); whoever reads gets columns (`Settle`, `Progress`), which is also
what journals of older programs hold, and what a replay writes.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from entrepot.buckets.rows import Facts, Line, columns_of

Charges: TypeAlias = tuple[tuple[int, int], ...]
"""(bucket id, nano-USD); the first is the wallet, the others are caps."""

RECORD_MAX = 4096
"""Bytes in the journal that are kept free for the end of each call that is held."""
TEXT_LIMIT = 512
"""Characters kept of what a client or a vendor wrote (model names, ids)."""


class Settle(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """A call has ended and costs this."""

    line: Line
    charges: Charges
    held: int = 0
    """What its wallet had reserved."""

    @property
    def id(self) -> str:
        """Of the call."""
        return self.line.id

    def columns(self) -> tuple[Any, ...]:
        """The values of the usage row."""
        return msgspec.structs.astuple(self.line)


class Progress(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """What a call that runs would cost if it ended now."""

    line: Line
    charges: Charges
    held: int = 0


class CallSettle(msgspec.Struct, frozen=True, array_like=True, tag="S", gc=False):
    """`Settle`, as a call writes it."""

    facts: Facts
    charges: Charges
    held: int = 0

    @property
    def id(self) -> str:
        """Of the call."""
        return self.facts.record.id

    def columns(self) -> tuple[Any, ...]:
        """The values of the usage row. Raises ValueError, OverflowError."""
        return columns_of(self.facts)


class CallProgress(msgspec.Struct, frozen=True, array_like=True, tag="P", gc=False):
    """`Progress`, as a call writes it."""

    facts: Facts
    charges: Charges
    held: int = 0


class Release(msgspec.Struct, frozen=True, array_like=True, tag="r", gc=False):
    """A call that had made progress ended without a charge."""

    id: str


Settled: TypeAlias = Settle | CallSettle
Record: TypeAlias = Settle | Progress | Release
Written: TypeAlias = Record | CallSettle | CallProgress


class RecordError(ValueError):
    """The bytes are whole, but they are no record that this program knows."""


encode: Callable[[Written], bytes] = msgspec.msgpack.Encoder().encode
"""As it stands in the journal."""
_decoder = msgspec.msgpack.Decoder(Settle | Progress | Release | CallSettle | CallProgress)


def settled(said: Line | Facts, charges: Charges, held: int) -> Settled:
    """The end of a call, by what is said of it."""
    return CallSettle(said, charges, held) if isinstance(said, Facts) else Settle(said, charges, held)


def progressed(said: Line | Facts, charges: Charges, held: int) -> Progress | CallProgress:
    """The progress of a call, likewise."""
    return CallProgress(said, charges, held) if isinstance(said, Facts) else Progress(said, charges, held)


def read(payload: bytes | memoryview) -> Written:
    """The record as it was written. Raises RecordError."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RecordError(str(error)) from None


def decode(payload: bytes | memoryview) -> Record:
    """The record, with the columns of its usage row. Raises RecordError."""
    found = read(payload)
    try:
        if isinstance(found, CallSettle):
            return Settle(Line(*columns_of(found.facts)), found.charges, found.held)
        if isinstance(found, CallProgress):
            return Progress(Line(*columns_of(found.facts)), found.charges, found.held)
    except (ValueError, OverflowError) as error:
        raise RecordError(str(error)) from None
    return found


def interrupted(progress: Progress) -> Settle:
    """What a call that died with its worker costs: its last progress."""
    line = msgspec.structs.replace(progress.line, outcome="interrupted")
    return Settle(line, progress.charges, progress.held)


def fitted(record: Record) -> Record:
    """The same record within bounds: texts are cut, and lists that only explain are left out."""
    if isinstance(record, Release):
        return record
    line = record.line
    texts = {name: _cut(getattr(line, name)) for name in line.__struct_fields__ if isinstance(getattr(line, name), str)}
    line = msgspec.structs.replace(line, **(texts | {"attempts": "[]", "dropped": "[]", "tokens": "{}", "prices": "{}"}))
    return msgspec.structs.replace(record, line=line)


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:96].decode("utf-8", "ignore")
