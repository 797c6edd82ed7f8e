"""What a batch of journal records does to the database: rows, postings, sums, and what each lease pays. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from entrepot.buckets.record import TEXT_LIMIT, Settle
from entrepot.buckets.rows import Line

HOUSE: Final = 1
"""The bucket that pays shortfalls and the installation's own calls; never leased (docs/decisions/0005)."""

HOUR_US: Final = 3_600_000_000
SUMS: Final = (
    *("calls", "faults", "prompt_tokens", "output_tokens", "charge", "shortfall"),
    *("bytes_in", "bytes_out", "total_us"),
)
"""Columns of `usage_hourly` that add up."""
COLUMNS: Final = (*Line.__struct_fields__, "wallet_id", "charge", "shortfall", "held", "journal")

_CLIENT_TEXTS: Final = tuple(Line.__struct_fields__.index(name) for name in ("model", "client_id", "upstream_model"))


@dataclass(slots=True)
class Plan:
    """The effects of a batch; amounts in nano-USD."""

    rows: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    """Rows of `usage`, values in the order of COLUMNS."""
    settled: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    """By bucket, what the records charge."""
    spent: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    """By bucket, what its lease pays of that."""
    house: int = 0
    """What the house account pays, shortfalls included."""
    postings: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict[tuple[int, int], int](int))
    """By (wallet, hour), what was charged."""
    shortfalls: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """(Request id, nano) that no lease could pay."""
    hours: dict[tuple[Any, ...], list[int]] = field(default_factory=dict[tuple[Any, ...], list[int]])
    """By (hour, user, key, group, model, channel): sums in the order of SUMS."""


def hour_of(time_us: int) -> int:
    """Hours since 1970 UTC, rounded like SQL does: towards zero."""
    return time_us // HOUR_US if time_us >= 0 else -(-time_us // HOUR_US)


def charges_of(records: Sequence[Settle]) -> dict[int, int]:
    """By bucket, what the records charge in all."""
    sums: dict[int, int] = defaultdict(int)
    for record in records:
        for bucket, nano in record.charges:
            sums[bucket] += nano
    return sums


def make_plan(records: Sequence[Settle], chargeable: Mapping[int, int], journal: str) -> Plan:
    """Charge the records in their order, each bucket up to what its lease can still take."""
    plan = Plan()
    for record in records:
        wallet, charge, shortfall = _charge(plan, record, chargeable)
        line = record.line
        plan.rows.append((*_clean(line), wallet or None, charge, shortfall, record.held, journal))
        hour = hour_of(line.arrived_at)
        if wallet and charge:
            plan.postings[wallet, hour] += charge
        if shortfall:
            plan.shortfalls.append((line.id, shortfall))
        _add_hour(plan, line, hour, (charge, shortfall))
    return plan


def _charge(plan: Plan, record: Settle, chargeable: Mapping[int, int]) -> tuple[int, int, int]:
    """Wallet, what it pays, and what the house pays in its place."""
    wallet = record.charges[0][0] if record.charges else 0
    charge = shortfall = 0
    for bucket, nano in record.charges:
        if nano < 0:
            raise ValueError(f"a charge of {nano} nano-USD")
        if bucket == HOUSE:
            plan.house += nano
            paid = nano
        else:
            paid = min(nano, max(chargeable.get(bucket, 0) - plan.spent[bucket], 0))
            plan.settled[bucket] += nano
            plan.spent[bucket] += paid
        if bucket == wallet:
            charge, shortfall = paid, nano - paid
    plan.house += shortfall
    return wallet, charge, shortfall


def _add_hour(plan: Plan, line: Line, hour: int, money: tuple[int, int]) -> None:
    model = clean_text(line.model) or ""
    key = (hour, line.user_id or 0, line.key_id or 0, line.group_name or "", model, line.channel_id or 0)
    sums = plan.hours.get(key)
    if sums is None:
        sums = plan.hours[key] = [0] * len(SUMS)
    sums[0] += 1
    sums[1] += line.outcome != "ok"
    sums[2] += line.prompt_tokens
    sums[3] += line.output_tokens
    sums[4] += money[0]
    sums[5] += money[1]
    sums[6] += line.bytes_in
    sums[7] += line.bytes_out
    sums[8] += line.total_us


def _clean(line: Line) -> list[Any]:
    values = list(msgspec.structs.astuple(line))
    for index in _CLIENT_TEXTS:
        values[index] = clean_text(values[index])
    return values


def clean_text(text: str | None) -> str | None:
    """What both databases take as text: no NUL (PostgreSQL), no lone surrogates, bounded."""
    if text is None or (text.isascii() and len(text) <= TEXT_LIMIT and "\x00" not in text):
        return text
    return text[:TEXT_LIMIT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
