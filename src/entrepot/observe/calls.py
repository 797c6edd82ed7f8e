"""The call log: one JSON line a finished call, on standard output.

No content, no secret, no query string, no address. The event loop pays for an append to a
queue; encoding and writing are a thread's (`lines.LineWriter`).
"""

from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Basis, Usage
from entrepot.kit import json
from entrepot.observe.lines import LineWriter
from entrepot.observe.scrub import scrub

_TEXT_LIMIT = 200
"""Characters kept of what a client wrote (model, its own id)."""


class Try(msgspec.Struct, frozen=True, gc=False):
    """One attempt, as the log shows it."""

    channel: str
    status: int
    ms: float
    fault: str | None


class Line(msgspec.Struct, frozen=True, gc=False):
    """The members of a line, in their order. Times are UTC, durations milliseconds; all are always there."""

    event: str
    time: datetime
    """When the call arrived."""
    id: str
    client_id: str | None
    key_id: int | None
    key_name: str | None
    user_id: int | None
    group: str | None
    operation: str
    dialect: str
    model: str
    upstream_model: str | None
    channel: str | None
    provider: str | None
    stream: bool
    status: int
    outcome: str
    fault: str | None
    attempts: tuple[Try, ...]
    ttft_ms: float | None
    total_ms: float
    tokens: Usage | dict[str, int]
    """Those that are not zero; encoding a usage leaves out the others, and a basis that is the vendor's."""
    basis: str
    bytes_in: int
    bytes_out: int
    dropped: tuple[str, ...]


class CallLog:
    """Listens to finished calls and writes their lines."""

    def __init__(self, descriptor: int = 1, limit: int = 10_000) -> None:
        self._lines: LineWriter[Record] = LineWriter(descriptor, encode, limit=limit, name="call-log")
        self.observe = self._lines.put
        """Queue the line of a finished call; never waits."""

    @property
    def dropped(self) -> int:
        """Lines that were lost because nobody read them in time."""
        return self._lines.dropped

    @property
    def waiting(self) -> int:
        """Calls whose line is not written yet."""
        return self._lines.waiting

    def close(self, patience: float = 2.0) -> None:
        """Write what is queued, for at most `patience` seconds."""
        self._lines.close(patience)


def encode(record: Record) -> bytes:
    """The line of a call, LF included."""
    usage = record.usage
    line = Line(
        event="call",
        time=datetime.fromtimestamp(record.arrived, UTC),
        id=record.id,
        client_id=_short(record.client_id),
        key_id=record.key_id,
        key_name=_name(record.key_name),
        user_id=record.user_id,
        group=record.group,
        operation=record.operation,
        dialect=record.dialect,
        model=_name(record.model) or "",
        upstream_model=_name(record.upstream_model),
        channel=record.channel,
        provider=record.provider,
        stream=record.stream,
        status=record.status,
        outcome=record.outcome,
        fault=record.fault,
        attempts=tuple([_try(attempt) for attempt in record.attempts]),
        ttft_ms=None if record.ttft_ms is None else round(record.ttft_ms, 1),
        total_ms=round(record.total_ms, 1),
        tokens=usage if usage.basis is Basis.VENDOR and not usage.others else usage.kinds(),
        basis=usage.basis.value,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        dropped=record.dropped,
    )
    return json.encode(line) + b"\n"


def _try(attempt: Attempt) -> Try:
    return Try(attempt.channel, attempt.status, round(attempt.ms, 1), attempt.fault)


def _name(text: str | None) -> str | None:
    """Like `_short`, for what comes again with most calls."""
    return text and (_known(text) if len(text) <= _TEXT_LIMIT else _short(text))


@lru_cache(maxsize=2048)
def _known(text: str) -> str | None:
    return _short(text)


def _short(text: str | None) -> str | None:
    """What a client wrote: bounded, with lone surrogates replaced and anything like a key taken out."""
    if not text:
        return text
    return scrub(text[:_TEXT_LIMIT]).encode("utf-8", "replace").decode()
