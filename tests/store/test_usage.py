"""One row a call: written once, whatever is in it."""

import logging

import msgspec
import pytest

from entrepot.core.record import Attempt, Record
from entrepot.core.usage import Basis, Usage
from entrepot.kit import json
from entrepot.kit.clock import ManualClock
from entrepot.kit.ids import RequestIds
from entrepot.store.raw import Database, Many, StoreAwayError, open_database
from entrepot.store.usage import write_usage

RECORD = Record(
    id="req_202701150123456abcdefghij",
    operation="chat",
    dialect="openai-chat",
    arrived=1_800_000_000.123456,
    status=200,
    outcome="ok",
    fault=None,
    model="gpt-4o",
    stream=True,
    address="192.0.2.1",
    client_id="mine",
    user_id=1,
    key_id=2,
    key_name="k",
    group="default",
    channel_id=3,
    channel="c",
    provider="openai",
    upstream_model="gpt-4o-2024",
    attempts=(Attempt("b", 4, 5, 500, 12.5, "vendor_error"), Attempt("c", 3, 6, 200, 80.25)),
    usage=Usage(input=10, cache_read=5, output=7, reasoning=2, basis=Basis.VENDOR),
    ttft_ms=12.3456,
    total_ms=99.9999,
    bytes_in=100,
    bytes_out=2000,
    dropped=("logit_bias",),
)


async def test_every_column(db: Database) -> None:
    await write_usage(db, [RECORD])
    [row] = await db.fetch("SELECT * FROM usage")
    head, attempts, tokens, tail = row[:17], json.decode(row[17]), json.decode(row[18]), row[19:]
    assert head == (
        *("req_202701150123456abcdefghij", "20270115", 1_800_000_000_123_456, "chat", "openai-chat", 200, "ok", None),
        *("gpt-4o", 1, "192.0.2.1", "mine", 1, 2, "default", 3, "gpt-4o-2024"),
    )
    assert attempts == [
        {"channel": "b", "channel_id": 4, "key_id": 5, "status": 500, "ms": 12.5, "fault": "vendor_error"},
        {"channel": "c", "channel_id": 3, "key_id": 6, "status": 200, "ms": 80.25, "fault": None},
    ]
    assert tokens == {"input": 10, "cache_read": 5, "output": 7, "reasoning": 2}
    assert tail == ("vendor", 15, 9, 12346, 100000, 100, 2000, '["logit_bias"]')


async def test_a_refused_call_has_gaps(db: Database) -> None:
    nobody = dict.fromkeys(("user_id", "key_id", "key_name", "group", "channel_id", "channel", "provider"))
    bare = msgspec.structs.replace(
        RECORD,
        **nobody,
        upstream_model=None,
        client_id=None,
        ttft_ms=None,
        attempts=(),
        usage=Usage(basis=Basis.NONE),
        status=401,
    )
    await write_usage(db, [bare])
    look = (
        "SELECT user_id, key_id, group_name, channel_id, upstream_model, client_id, ttft_us, attempts, tokens, basis FROM usage"
    )
    assert await db.fetch(look) == [(None, None, None, None, None, None, None, "[]", "{}", "none")]


async def test_a_batch_that_is_repeated_changes_nothing(db: Database) -> None:
    ids = RequestIds(ManualClock())
    batch = [msgspec.structs.replace(RECORD, id=ids.mint()) for _ in range(500)]
    await write_usage(db, batch)
    await write_usage(db, [*batch[:250], msgspec.structs.replace(RECORD, id=ids.mint())])
    assert await db.fetch("SELECT count(*) FROM usage") == [(501,)]
    await write_usage(db, [])


async def test_what_clients_write_is_tamed(db: Database) -> None:
    await write_usage(
        db, [msgspec.structs.replace(RECORD, model="a\x00b" + "x" * 5000, client_id="\ud800!", upstream_model="中")]
    )
    [(model, client_id, upstream)] = await db.fetch("SELECT model, client_id, upstream_model FROM usage")
    assert (model[:3], len(model), client_id, upstream) == ("a\ufffdb", 512, "?!", "中")


async def test_one_bad_record_keeps_no_other_back(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    ids = RequestIds(ManualClock())
    good = [msgspec.structs.replace(RECORD, id=ids.mint()) for _ in range(3)]
    bad = msgspec.structs.replace(RECORD, id=ids.mint(), bytes_in=2**80)
    with caplog.at_level(logging.ERROR):
        await write_usage(db, [good[0], bad, *good[1:]])
    assert {row[0] for row in await db.fetch("SELECT id FROM usage")} == {record.id for record in good}
    assert [record.request for record in caplog.records] == [bad.id]  # type: ignore[attr-defined]


async def test_a_foreign_id_takes_its_day_from_the_arrival(db: Database) -> None:
    await write_usage(db, [msgspec.structs.replace(RECORD, id="other")])
    assert await db.fetch("SELECT day FROM usage") == [("20270115",)]


async def test_away_is_told_to_the_caller() -> None:
    db = await open_database("postgresql://postgres@127.0.0.1:1/none")
    with pytest.raises(StoreAwayError):
        await write_usage(db, [RECORD])
    await db.close()


async def test_many_rows_are_quick(db: Database) -> None:
    """Usage is written by the thousand; one transaction a batch."""
    ids = RequestIds(ManualClock())
    await write_usage(db, [msgspec.structs.replace(RECORD, id=ids.mint()) for _ in range(2000)])
    assert await db.transaction([Many("DELETE FROM usage WHERE id = $1", [("x",)])]) == [1]
    assert await db.fetch("SELECT count(*) FROM usage") == [(2000,)]
