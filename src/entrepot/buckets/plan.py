"""What a batch of journal records does to the database: rows, postings, sums, and what each lease pays. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, NamedTuple

from entrepot.buckets.record import TEXT_LIMIT, Settled
from entrepot.buckets.rows import Line
from entrepot.store.contract import StatementError

HOUSE: Final = 1
"""The bucket that pays shortfalls and the installation's own calls; never leased (docs/decisions/0005)."""

HOUR_US: Final = 3_600_000_000
SUMS: Final = (
    *("calls", "faults", "prompt_tokens", "output_tokens", "charge", "shortfall"),
    *("bytes_in", "bytes_out", "total_us"),
)
"""Columns of `usage_hourly` that add up."""
COLUMNS: Final = (*Line.__struct_fields__, "wallet_id", "charge", "shortfall", "held", "journal")

_PLACES: Final = {name: place for place, name in enumerate(Line.__struct_fields__)}
_CLIENT_TEXTS: Final = tuple(_PLACES[name] for name in ("model", "client_id", "upstream_model"))
_HOUR_KEY: Final = itemgetter(*(_PLACES[name] for name in ("user_id", "key_id", "group_name", "model", "channel_id")))
_HOUR_SUMS: Final = itemgetter(
    *(_PLACES[name] for name in ("outcome", "prompt_tokens", "output_tokens", "bytes_in", "bytes_out", "total_us"))
)
_ARRIVED: Final = _PLACES["arrived_at"]


class Bill(NamedTuple):
    """A record, and who pays for it."""

    record: Settled
    wallet: int
    charge: int
    """Paid by the wallet."""
    shortfall: int
    """Paid by the house."""


@dataclass(slots=True)
class Plan:
    """The effects of a batch; amounts in nano-USD."""

    journal: str
    bills: list[Bill] = field(default_factory=list[Bill])
    """In the order of the journal."""
    settled: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    """By bucket, what the records charge."""
    spent: dict[int, int] = field(default_factory=lambda: defaultdict[int, int](int))
    """By bucket, what its lease pays of that."""
    house: int = 0
    """What the house account pays, shortfalls included."""
    shortfalls: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    """(Request id, nano) that no lease could pay."""
    postings: dict[tuple[int, int], int] = field(default_factory=lambda: defaultdict[tuple[int, int], int](int))
    """By (wallet, hour), what was charged. Known once the rows are made."""
    hours: dict[tuple[Any, ...], list[int]] = field(default_factory=dict[tuple[Any, ...], list[int]])
    """By (hour, user, key, group, model, channel): sums in the order of SUMS. Known once the rows are made."""

    def __len__(self) -> int:
        return len(self.bills)

    def __iter__(self) -> Iterator[Sequence[Any]]:
        """Rows of `usage`, values in the order of COLUMNS, ordered by id; made as they are written. Raises StatementError."""
        self.postings.clear()
        self.hours.clear()
        for bill in sorted(self.bills, key=lambda bill: bill.record.id):
            record, wallet, charge, shortfall = bill
            try:
                columns = _cleaned(record.columns())
            except (ValueError, OverflowError) as error:
                raise StatementError(str(error)) from error
            hour = hour_of(columns[_ARRIVED])
            if wallet and charge:
                self.postings[wallet, hour] += charge
            _add_hour(self.hours, columns, hour, (charge, shortfall))
            yield (*columns, wallet or None, charge, shortfall, record.held, self.journal)


def hour_of(time_us: int) -> int:
    """Hours since 1970 UTC, rounded like SQL does: towards zero."""
    return time_us // HOUR_US if time_us >= 0 else -(-time_us // HOUR_US)


def charges_of(records: Sequence[Settled]) -> dict[int, int]:
    """By bucket, what the records charge in all."""
    sums: dict[int, int] = defaultdict(int)
    for record in records:
        for bucket, nano in record.charges:
            sums[bucket] += nano
    return sums


def make_plan(records: Sequence[Settled], chargeable: Mapping[int, int], journal: str) -> Plan:
    """Charge the records in their order, each bucket up to what its lease can still take."""
    plan = Plan(journal)
    for record in records:
        bill = _charge(plan, record, chargeable)
        plan.bills.append(bill)
        if bill.shortfall:
            plan.shortfalls.append((record.id, bill.shortfall))
    return plan


def _charge(plan: Plan, record: Settled, chargeable: Mapping[int, int]) -> Bill:
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
    return Bill(record, wallet, charge, shortfall)


def _add_hour(hours: dict[tuple[Any, ...], list[int]], columns: Sequence[Any], hour: int, money: tuple[int, int]) -> None:
    user, key, group, model, channel = _HOUR_KEY(columns)
    outcome, prompt, output, bytes_in, bytes_out, took = _HOUR_SUMS(columns)
    place = (hour, user or 0, key or 0, group or "", model, channel or 0)
    sums = hours.get(place)
    if sums is None:
        sums = hours[place] = [0] * len(SUMS)
    sums[0] += 1
    sums[1] += outcome != "ok"
    sums[2] += prompt
    sums[3] += output
    sums[4] += money[0]
    sums[5] += money[1]
    sums[6] += bytes_in
    sums[7] += bytes_out
    sums[8] += took


def _cleaned(columns: tuple[Any, ...]) -> Sequence[Any]:
    values = list(columns)
    for place in _CLIENT_TEXTS:
        values[place] = clean_text(values[place])
    return values


def clean_text(text: str | None) -> str | None:
    """What both databases take as text: no NUL (PostgreSQL), no lone surrogates, bounded."""
    if text is None or (text.isascii() and len(text) <= TEXT_LIMIT and "\x00" not in text):
        return text
    return text[:TEXT_LIMIT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
