"""What a batch does: charges in order, shortfalls to the house, sums by hour."""

import pytest

from entrepot.buckets.plan import COLUMNS, HOUR_US, HOUSE, charges_of, clean_text, hour_of, make_plan
from entrepot.buckets.record import Settle
from tests.buckets.desks import line

WALLET, QUOTA = 5, 6


def values(row: tuple[object, ...]) -> dict[str, object]:
    return dict(zip(COLUMNS, row, strict=True))


def test_in_order_up_to_the_lease() -> None:
    records = [Settle(line(f"r{n}"), ((WALLET, 40), (QUOTA, 40)), 50) for n in range(3)]
    plan = make_plan(records, {WALLET: 100, QUOTA: 70}, "j")
    rows = [values(row) for row in plan.rows]
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
    assert values(plan.rows[0])["wallet_id"] == HOUSE
    assert list(plan.hours.values()) == [[1, 1, 0, 0, 40, 0, 3, 4, 5]]


def test_no_bucket_at_all() -> None:
    plan = make_plan([Settle(line("r"), ())], {}, "j")
    assert values(plan.rows[0])["wallet_id"] is None
    assert (plan.postings, plan.house) == ({}, 0)


def test_a_charge_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="-1"):
        make_plan([Settle(line("r"), ((WALLET, -1),))], {WALLET: 5}, "j")


def test_texts_that_a_database_refuses() -> None:
    plan = make_plan([Settle(line("r", model="a\x00b", client_id="x" * 900), ((WALLET, 1),))], {WALLET: 5}, "j")
    row = values(plan.rows[0])
    assert (row["model"], len(str(row["client_id"]))) == ("a\ufffdb", 512)
    assert clean_text("\ud800") == "?"
    assert clean_text(None) is None


def test_hours_round_like_sql() -> None:
    assert [hour_of(t) for t in (0, HOUR_US - 1, HOUR_US, -1, -HOUR_US, -HOUR_US - 1)] == [0, 0, 1, 0, -1, -1]
