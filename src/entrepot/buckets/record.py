"""What a journal says: a charge, the progress of a long call, or that such a call ended without a charge."""

from typing import TypeAlias

import msgspec

Charges: TypeAlias = tuple[tuple[int, int], ...]
"""(bucket id, nano-USD); the first is the wallet, the others are caps."""

TEXT_LIMIT = 512
"""Characters kept of what a client or a vendor wrote (model names, ids)."""


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The usage row of a call, without its charge. Fields are columns of `usage`, in any order but for ever:

    new ones go to the end and have a default, so that a journal written by an older program can be read.
    """

    id: str
    """Our request id; it names the UTC day."""
    day: str
    arrived_at: int
    """Microseconds since 1970 UTC."""
    operation: str
    dialect: str
    status: int
    outcome: str
    model: str
    stream: int
    address: str
    basis: str
    fault: str | None = None
    client_id: str | None = None
    user_id: int | None = None
    key_id: int | None = None
    group_name: str | None = None
    channel_id: int | None = None
    upstream_model: str | None = None
    attempts: str = "[]"
    tokens: str = "{}"
    prompt_tokens: int = 0
    output_tokens: int = 0
    ttft_us: int | None = None
    total_us: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    dropped: str = "[]"
    prices: str = "{}"
    ratio_ppm: int = 1_000_000
    price_book: str = ""


class Settle(msgspec.Struct, frozen=True, array_like=True, tag="s", gc=False):
    """A call has ended and costs this."""

    line: Line
    charges: Charges
    held: int = 0
    """What its wallet had reserved."""


class Progress(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """What a call that runs would cost if it ended now."""

    line: Line
    charges: Charges
    held: int = 0


class Release(msgspec.Struct, frozen=True, array_like=True, tag="r", gc=False):
    """A call that had made progress ended without a charge."""

    id: str


Record: TypeAlias = Settle | Progress | Release


class RecordError(ValueError):
    """The bytes are whole, but they are no record that this program knows."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Settle | Progress | Release)


def encode(record: Record) -> bytes:
    """As it stands in the journal."""
    return _encoder.encode(record)


def decode(payload: bytes | memoryview) -> Record:
    """The record. Raises RecordError."""
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise RecordError(str(error)) from None


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
