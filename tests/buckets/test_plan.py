"""What a batch does: charges in order, shortfalls to the house, sums by hour."""

import pytest

from entrepot.buckets.plan import COLUMNS, HOUR_US, HOUSE, charges_of, clean_text, hour_of, make_plan
from entrepot.buckets.record import CallSettle, Settle
from entrepot.buckets.rows import Facts
from entrepot.store.contract import StatementError
from tests.buckets.desks import line
from tests.buckets.test_rows import record

WALLET, QUOTA = 5, 6


def values(row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(COLUMNS, row, strict=True))


def test_in_order_up_to_the_lease() -> None:
    records = [Settle(line(f"r{n}"), ((WALLET, 40), (QUOTA, 40)), 50) for n in range(3)]
    plan = make_plan(records, {WALLET: 100, QUOTA: 70}, "j")
    rows = [values(tuple(row)) for row in plan]
    assert [(row["charge"], row["shortfall"], row["held"], row["journal"]) for row in rows] == [
        (40, 0, 50, "j"),
        (40, 0, 50, "j"),
        (20, 20, 50, "j"),
    ]
    assert (plan.settled, plan.spent) == ({WALLET: 120, QUOTA: 120}, {WALLET: 100, QUOTA: 70})
    assert (plan.house, plan.shortfalls) == (20, [("r2", 20)])
    hour = 1_800_000_000_000_000 // HOUR_US
    assert plan.postings == {(WALLET, hour): 100}
    assert list(plan.hours.values()) == [[3, 0, 0, 0, 100, 20, 0, 0, 0]]
    assert charges_of(records) == {WALLET: 120, QUOTA: 120}


def test_house_pays_its_own_calls() -> None:
    refused = line("r", outcome="refused", bytes_in=3, bytes_out=4, total_us=5)
    plan = make_plan([Settle(refused, ((HOUSE, 40), (QUOTA, 40)))], {QUOTA: 100}, "j")
    assert (plan.house, plan.spent, plan.shortfalls) == (40, {QUOTA: 40}, [])
    assert [values(tuple(row))["wallet_id"] for row in plan] == [HOUSE]
    assert list(plan.hours.values()) == [[1, 1, 0, 0, 40, 0, 3, 4, 5]]


def test_no_bucket_at_all() -> None:
    plan = make_plan([Settle(line("r"), ())], {}, "j")
    assert values(tuple(next(iter(plan))))["wallet_id"] is None
    assert (len(list(plan)), plan.postings, plan.house) == (1, {}, 0)


def test_a_charge_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        make_plan([Settle(line("r"), ((WALLET, -1),))], {WALLET: 5}, "j")


def test_texts_that_a_database_refuses() -> None:
    plan = make_plan([Settle(line("r", model="a\x00b", client_id="x" * 900), ((WALLET, 1),))], {WALLET: 5}, "j")
    row = values(tuple(next(iter(plan))))
    assert (row["model"], len(str(row["client_id"]))) == ("a\ufffdb", 512)
    assert clean_text("\ud800") == "?"
    assert clean_text(None) is None


def test_hours_round_like_sql() -> None:
    assert [hour_of(t) for t in (0, HOUR_US - 1, HOUR_US, -1, -HOUR_US, -HOUR_US - 1)] == [0, 0, 1, 0, -1, -1]


def test_rows_go_by_id_and_are_made_anew_each_time() -> None:
    plan = make_plan([Settle(line(name, prompt_tokens=5), ((WALLET, 1),)) for name in "cab"], {WALLET: 5}, "j")
    assert len(plan) == 3
    for _ in range(2):
        assert [row[0] for row in plan] == ["a", "b", "c"]
        assert list(plan.postings.values()) == [3]
        assert [sums[:3] for sums in plan.hours.values()] == [[3, 0, 15]]


def test_a_row_that_cannot_be_made_is_a_wrong_statement() -> None:
    plan = make_plan([CallSettle(Facts(record(total_ms=float("inf"))), ((WALLET, 1),))], {WALLET: 5}, "j")
    with pytest.raises(StatementError):
        list(plan)
