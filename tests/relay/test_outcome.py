"""From outcome to record: names of endings, times, what is kept."""

import pytest

from entrepot.core.call import Call, Peek
from entrepot.core.faults import Fault, Kind
from entrepot.core.record import Record
from entrepot.core.usage import Usage
from entrepot.relay.exchange import Exchange
from entrepot.relay.outcome import Outcome
from tests.connections import Wire


def call() -> Call:
    return Call("req_1", "chat", "openai_chat", "192.0.2.1", None, arrived=1_800_000_000.0, started=100.0)


async def made(fault: Kind | None, *, started: bool) -> Record:
    wire, outcome = Wire(), Outcome()
    exchange = Exchange(wire, "req_1")
    outcome.peek = Peek("gpt-4o", stream=True, members={}, size=900)
    outcome.fault = Fault(fault) if fault else None
    outcome.usage = Usage(input=3, output=4)
    if started:
        exchange.start(200, ())
        await exchange.send(b"12345", more=True)
        outcome.status, outcome.first_content = 200, 100.25
    return outcome.record(call(), exchange, 101.0)


@pytest.mark.parametrize(
    ("fault", "started", "outcome", "status"),
    [
        (None, True, "ok", 200),
        (Kind.INVALID_KEY, False, "refused", 0),
        (Kind.VENDOR_RESET, True, "interrupted", 200),
        (Kind.CLIENT_LEFT, False, "client_left", 499),
        (Kind.CLIENT_LEFT, True, "client_left", 200),
        (Kind.CLIENT_STALLED, True, "client_left", 200),
        (Kind.DRAINING, True, "interrupted", 200),
    ],
)
async def test_endings(fault: Kind | None, started: bool, outcome: str, status: int) -> None:
    record = await made(fault, started=started)
    assert (record.outcome, record.status, record.fault) == (outcome, status, fault.value if fault else None)


async def test_figures() -> None:
    record = await made(None, started=True)
    assert (record.ttft_ms, record.total_ms, record.bytes_in, record.bytes_out) == (250.0, 1000.0, 900, 5)
    assert (record.model, record.stream, record.usage.output) == ("gpt-4o", True, 4)
