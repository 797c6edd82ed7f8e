"""Holds on a real desk: what is reserved, what is refused and how; the relay's tests run whole calls."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entrepot.billing.estimate import MOST
from entrepot.billing.hold import Billing, Hold, When
from entrepot.billing.prices import PriceBook
from entrepot.buckets import accounts
from entrepot.buckets.desk import Buckets
from entrepot.buckets.plan import HOUSE
from entrepot.core.call import Budget, Caller, Peek
from entrepot.core.faults import Fault, Kind
from entrepot.core.usage import Basis, Usage
from entrepot.kit import json
from entrepot.kit.clock import SystemClock
from entrepot.kit.ids import RequestIds
from entrepot.snapshot.prices import PriceRow, price_table
from entrepot.store.raw import open_database
from tests.billing.test_rows import RECORD
from tests.relays import template_database

USD = 1_000_000_000
BOOK = PriceBook(price_table({"*": [PriceRow("input", 0), PriceRow("output", 1000 * USD)]}))  # 0.001 USD a token
NOW = When(1, 1_000_000)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Buckets]:
    shutil.copy(template_database(), tmp_path / "entrepot.db")
    database = await open_database(f"sqlite:///{tmp_path / 'entrepot.db'}")
    buckets = await Buckets.open(database, tmp_path, SystemClock())
    yield buckets
    await buckets.close()
    await database.close()


async def wallet(desk: Buckets, usd: float) -> Caller:
    bucket = await accounts.open_bucket(desk.flusher.db, "wallet", "wallet:user:1")
    await desk.credit(bucket, int(usd * USD), "topup", "t")
    return Caller(1, "k", 1, ("default",), wallet=bucket)


def peek(*, stream: bool = False, cap: int | None = None) -> Peek:
    return Peek("m", stream=stream, members={"messages": json.raw([])}, max_output=cap)


async def hold(desk: Buckets, caller: Caller, asked: Peek, book: PriceBook = BOOK) -> Hold:
    return await Billing(desk, "refuse").hold(caller, "chat", asked, book, NOW)


async def test_a_whole_answer_holds_its_cap_and_a_stream_a_slice(desk: Buckets) -> None:
    caller = await wallet(desk, 10)
    whole = await hold(desk, caller, peek(cap=2000))
    assert (await held(desk, caller)) == 2 * USD
    stream = await hold(desk, caller, peek(stream=True, cap=32_000))
    assert (await held(desk, caller)) == 2 * USD + 1_024 * USD // 1000
    end(whole)
    end(stream)
    assert (await held(desk, caller)) == 0


def end(made: Hold) -> None:
    """Nothing came of it."""
    made.settle(msgspec.structs.replace(RECORD, id=RequestIds(SystemClock()).mint()), 1_000_000)


async def held(desk: Buckets, caller: Caller) -> int:
    balance = await desk.balance(caller.wallet)
    assert balance is not None
    return balance.held


async def test_what_the_balance_affords(desk: Buckets) -> None:
    capped = await hold(desk, await wallet(desk, 0.5), peek())
    assert capped.max_output == 500
    end(capped)


@pytest.mark.parametrize(
    ("said", "known", "holds"), [(None, {}, MOST), (3000, {}, 3000), (None, {"m": 2000}, 2000), (3000, {"m": 9}, 3000)]
)
async def test_who_says_what_a_model_can_write(desk: Buckets, said: int | None, known: dict[str, int], holds: int) -> None:
    caller = await wallet(desk, 1000)
    when = When(1, 1_000_000, said)
    made = await Billing(desk, "refuse", known).hold(caller, "chat", peek(), BOOK, when)
    assert (await held(desk, caller), made.max_output) == (holds * USD // 1000, None)
    end(made)


async def test_short_because_of_holds_takes_what_they_leave_if_that_is_plenty(desk: Buckets) -> None:
    """0.001 USD a token, 30 USD, a model that writes 20,000 tokens: 20 + 5 + 4.096, then there is too little."""
    caller = await wallet(desk, 30)
    billing, when = Billing(desk, "refuse", {"m": 20_000}), When(1, 1_000_000)
    made = [await billing.hold(caller, "chat", peek(), BOOK, when) for _ in range(3)]
    assert [each.max_output for each in made] == [None, 5_000, 4_096]
    with pytest.raises(Fault) as caught:
        await billing.hold(caller, "chat", peek(), BOOK, when)
    assert caught.value.kind is Kind.BALANCE_ON_HOLD
    small = await billing.hold(caller, "chat", peek(cap=900), BOOK, when)
    assert small.max_output is None
    for each in (*made, small):
        end(each)


@pytest.mark.parametrize(("usd", "kind"), [(0, Kind.INSUFFICIENT_QUOTA), (0.01, Kind.INSUFFICIENT_QUOTA)])
async def test_below_a_useful_minimum_it_is_402(desk: Buckets, usd: float, kind: Kind) -> None:
    caller = await wallet(desk, usd)
    for asked in (peek(), peek(stream=True)):
        with pytest.raises(Fault) as caught:
            await hold(desk, caller, asked)
        assert caught.value.kind is kind
    assert await held(desk, caller) == 0


async def test_short_only_because_of_holds_is_429(desk: Buckets) -> None:
    caller = await wallet(desk, 1.5)
    running = await hold(desk, caller, peek(stream=True))
    with pytest.raises(Fault) as caught:
        await hold(desk, caller, peek(stream=True))
    assert (caught.value.kind, caught.value.retry_after) == (Kind.BALANCE_ON_HOLD, 1)
    end(running)
    end(await hold(desk, caller, peek(stream=True)))


async def test_the_house_is_never_refused_and_others_need_a_price(desk: Buckets) -> None:
    empty = PriceBook(price_table({}))
    house = Caller(1, "k", 1, ("default",), wallet=HOUSE)
    end(await hold(desk, house, peek(), empty))
    with pytest.raises(Fault) as caught:
        await hold(desk, await wallet(desk, 1), peek(), empty)
    assert caught.value.kind is Kind.NOT_PRICED


@pytest.mark.parametrize(
    ("of", "period", "ends", "said"),
    [
        ("key", "day", 1_800_057_600.0, "This API key's daily budget of 0.5 USD"),
        ("account", "total", None, "This account's total budget of 0.5 USD"),
    ],
)
async def test_a_refusal_names_the_budget_and_when_it_renews(
    desk: Buckets, of: Any, period: Any, ends: float | None, said: str
) -> None:
    caller = await wallet(desk, 10)
    bucket = await accounts.open_bucket(desk.flusher.db, "budget", f"budget:{of}", USD // 2)
    budget = Budget(of, period, USD // 2, bucket, ends)
    caller = msgspec.structs.replace(caller, caps=(bucket,), budgets=(budget,))
    with pytest.raises(Fault) as caught:
        await hold(desk, caller, peek(stream=True))
    fault = caught.value
    assert (fault.kind, fault.status, fault.row.retry, fault.retry_after) == (Kind.INSUFFICIENT_QUOTA, 402, False, None)
    assert fault.message.startswith(f"{said} cannot pay for this call. It lacks 0.524 USD for this call. It ")
    assert fault.message.endswith("renews at 2027-01-16T00:00:00Z." if ends else "does not renew.")
    assert await held(desk, caller) == 0
    capped = await hold(desk, caller, peek())
    assert capped.max_output == 500, "a whole answer is capped to what the budget affords"
    end(capped)


async def test_counted_usage_carries_the_prompt(desk: Buckets) -> None:
    asked = Peek("m", stream=True, members={"messages": json.raw([{"role": "user", "content": "word " * 400}])})
    made = await hold(desk, Caller(1, "k", 1, ("default",), wallet=HOUSE), asked)
    counted = made.counted(Usage(output=7))
    assert (counted.output, counted.basis) == (7, Basis.COUNTED)
    assert 300 < counted.input < 800
    end(made)
