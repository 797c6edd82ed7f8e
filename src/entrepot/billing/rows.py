"""A finished call as the row that the journal carries to the database."""

from entrepot.billing.charge import charge
from entrepot.billing.prices import Quote
from entrepot.buckets.record import Line
from entrepot.core.money import PPM
from entrepot.core.record import Record
from entrepot.kit import json
from entrepot.kit.clock import utc_day
from entrepot.kit.ids import request_day


def line_of(record: Record, quote: Quote, ratio_ppm: int = PPM) -> Line:
    """The usage row of a call; its prices are those of the kinds that were used."""
    usage = record.usage
    kinds = usage.kinds()
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
        tokens=json.encode(kinds).decode() if kinds else "{}",
        prompt_tokens=usage.prompt_total,
        output_tokens=usage.output_total,
        ttft_us=None if record.ttft_ms is None else round(record.ttft_ms * 1000),
        total_us=round(record.total_ms * 1000),
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        dropped=json.encode(record.dropped).decode() if record.dropped else "[]",
        prices=json.encode(charge(usage, quote, ratio_ppm).prices()).decode() if kinds else "{}",
        ratio_ppm=ratio_ppm,
        price_book=quote.book,
    )
