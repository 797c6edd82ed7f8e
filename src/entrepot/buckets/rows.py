"""The usage row of a call: as the call itself knows it, and as columns, made of that where nobody waits."""

from collections.abc import Mapping

import msgspec

from entrepot.core.money import PPM
from entrepot.core.record import Record
from entrepot.core.usage import TOKEN_KINDS, Basis, Usage
from entrepot.kit import json
from entrepot.kit.clock import utc_day
from entrepot.kit.ids import request_day


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


class Facts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a call hands to its journal: no text is made, nothing is looked up. Fields are for ever, like those of `Line`."""

    record: Record
    prices: Mapping[str, int] = {}
    """nano-USD per 1 M tokens of every kind that might have been used."""
    units: Mapping[str, int] = {}
    """nano-USD for each of the units that were used."""
    ratio_ppm: int = PPM
    price_book: str = ""

    @property
    def id(self) -> str:
        """Of the call."""
        return self.record.id


def line_of(facts: Facts) -> Line:
    """The usage row of a call; its prices are those of the kinds that were used."""
    record = facts.record
    usage = record.usage
    return Line(
        id=record.id,
        day=request_day(record.id) or utc_day(record.arrived),
        arrived_at=round(record.arrived * 1_000_000),
        operation=record.operation,
        dialect=record.dialect,
        status=record.status,
        outcome=record.outcome,
        model=record.model,
        stream=int(record.stream),
        address=record.address,
        basis=usage.basis.value,
        fault=record.fault,
        client_id=record.client_id,
        user_id=record.user_id,
        key_id=record.key_id,
        group_name=record.group,
        channel_id=record.channel_id,
        upstream_model=record.upstream_model,
        attempts=json.encode(record.attempts).decode(),
        tokens=_tokens(usage),
        prompt_tokens=usage.prompt_total,
        output_tokens=usage.output_total,
        ttft_us=None if record.ttft_ms is None else round(record.ttft_ms * 1000),
        total_us=round(record.total_ms * 1000),
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        dropped=json.encode(record.dropped).decode() if record.dropped else "[]",
        prices=_prices(facts, usage),
        ratio_ppm=facts.ratio_ppm,
        price_book=facts.price_book,
    )


def _tokens(usage: Usage) -> str:
    # Encoding leaves out what is zero, and a basis that is the vendor's: then these are the kinds that were used.
    return json.encode(usage if usage.basis is Basis.VENDOR else usage.kinds()).decode()


def _prices(facts: Facts, usage: Usage) -> str:
    prices, counts = facts.prices, msgspec.structs.astuple(usage)
    held = {kind: prices[kind] for kind, count in zip(TOKEN_KINDS, counts, strict=False) if count and kind in prices}
    return json.encode({**held, **facts.units}).decode()
