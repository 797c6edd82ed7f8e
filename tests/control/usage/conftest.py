"""Some calls, written as a gateway writes them."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from entrepot.billing.prices import PriceBook
from entrepot.billing.rows import facts_of
from entrepot.buckets.desk import Buckets
from entrepot.buckets.plan import HOUSE
from entrepot.control.keys import service as keys
from entrepot.control.keys.schemas import KeyCreate
from entrepot.control.services import Services
from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Usage
from entrepot.kit.clock import ManualClock
from entrepot.kit.ids import RequestIds
from entrepot.snapshot.prices import PriceRow, price_table
from entrepot.store.raw import Database
from entrepot.store.schema import channels
from tests.buckets.desks import QUIET

CHARGE = 30_000
"""nano-USD of a call that was served: 10 tokens at 1 USD and 5 at 4 USD per 1 M."""
_BOOK = PriceBook(price_table({"*": [PriceRow("input", 1_000_000_000), PriceRow("output", 4_000_000_000)]}))
Calls = Callable[[], Awaitable[list[str]]]


@pytest.fixture
def calls(services: Services, db: Database, clock: ManualClock, tmp_path: Path) -> Calls:
    """Writes five calls on two days, by one key, over the channel `east` or none; gives their ids, the newest first."""

    async def write() -> list[str]:
        async with services.transaction() as tx:
            key = await keys.create(tx, KeyCreate(name="laptop"))
            channel = await tx.add(channels, {"name": "east", "provider": "openai", "created_at": 0})
        ids = RequestIds(clock)
        records: list[Record] = []
        for number in range(5):
            record = _record(ids.mint(), clock.wall(), key.id, channel if number % 2 == 0 else None)
            records.append(record)
            clock.advance(86_400 if number == 2 else 1)
        await _settle(db, tmp_path, clock, records)
        newest_first = sorted(records, key=lambda record: (record.arrived, record.id), reverse=True)
        return [record.id for record in newest_first]

    return write


async def _settle(db: Database, folder: Path, clock: ManualClock, records: list[Record]) -> None:
    quote = _BOOK.quote("gpt-4o", 0)
    assert quote is not None
    desk = await Buckets.open(db, folder, clock, QUIET)
    for record in records:
        held = desk.try_hold([(HOUSE, record.charge)])
        assert held is not None
        held.settle(record.charge, facts_of(record, quote))
    await desk.close()


def _record(request_id: str, arrived: float, key_id: int, channel_id: int | None) -> Record:
    served = channel_id is not None
    return Record(
        id=request_id,
        operation="chat",
        dialect="openai_chat",
        arrived=arrived,
        status=200 if served else 503,
        outcome="ok" if served else "refused",
        fault=None if served else "no_channel",
        model="gpt-4o" if served else "o3",
        stream=True,
        address="192.0.2.1",
        client_id=None,
        user_id=1,
        key_id=key_id,
        key_name="laptop",
        group="default",
        channel_id=channel_id,
        channel="east" if served else None,
        provider="openai" if served else None,
        upstream_model="gpt-4o" if served else None,
        attempts=(Attempt("east", channel_id, 1, 200, 12.5),) if channel_id is not None else (),
        usage=Usage(input=10, output=5) if served else Usage(),
        ttft_ms=100.0 if served else None,
        total_ms=250.0,
        charge=CHARGE if served else 0,
    )
