"""The usage row of a call: as the call itself knows it, and as columns, made of that where nobody waits."""

from typing import Any, Final

import msgspec

from entrepot.core.money import PPM
from entrepot.core.record import Record
from entrepot.core.usage import Basis, Usage
from entrepot.kit import json
from entrepot.kit.clock import utc_day
from entrepot.kit.ids import request_day

_json: Final = json.encode


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
    disconnect: str = ""
    waived: int = 0


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a call hands to its journal: no text is made, nothing is looked up. Fields are for ever, like those of `Line`."""

    record: Record
    prices: str = "{}"
    """As the column has them: JSON, by kind that was used."""
    ratio_ppm: int = PPM
    price_book: str = ""

    @property
    def id(self) -> str:
        """Of the call."""
        return self.record.id


def columns_of(facts: Facts) -> tuple[Any, ...]:
    """The values of a `Line`, in their order. Raises ValueError, OverflowError where a time is none."""
    record = facts.record
    usage, request = record.usage, record.id
    return (
        request,
        request_day(request) or utc_day(record.arrived),
        round(record.arrived * 1_000_000),
        record.operation,
        record.dialect,
        record.status,
        record.outcome,
        record.model,
        1 if record.stream else 0,
        record.address,
        usage.basis.value,
        record.fault,
        record.client_id,
        record.user_id,
        record.key_id,
        record.group,
        record.channel_id,
        record.upstream_model,
        _json(record.attempts).decode(),
        _tokens(usage),
        usage.prompt_total,
        usage.output_total,
        None if record.ttft_ms is None else round(record.ttft_ms * 1000),
        round(record.total_ms * 1000),
        record.bytes_in,
        record.bytes_out,
        _json(record.dropped).decode() if record.dropped else "[]",
        facts.prices,
        facts.ratio_ppm,
        facts.price_book,
        record.disconnect,
        record.waived,
    )


def _tokens(usage: Usage) -> str:
    # Encoding leaves out what is zero, and a basis that is the vendor's: then these are the kinds that were used.
    return _json(usage if usage.basis is Basis.VENDOR and not usage.others else usage.kinds()).decode()
