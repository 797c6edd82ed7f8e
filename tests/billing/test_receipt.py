"""A receipt out of a usage row."""

import msgspec

from entrepot.billing.charge import Units, charge
from entrepot.billing.receipt import FACTS, UsageFacts, facts_of, receipt
from entrepot.core.record import Attempt
from entrepot.core.usage import Usage
from entrepot.kit import json
from entrepot.store.schema import usage as usage_table
from tests.billing.books import quote, row


def facts(**changes: object) -> UsageFacts:
    """The row of a call that was charged by the real arithmetic."""
    used = Usage(input=1000, cache_read=500, output=20, searches=2)
    prices = quote(row("input", "0.15"), row("output", "0.6"), row("cache_read", "0.075"), row("search", "0.01"))
    bill = charge(used, prices, 800_000, Units())
    attempts = (Attempt("first", 7, 8, 503, 12.6, "vendor_overloaded"), Attempt("second", 9, 10, 200, 1500.2))
    values = {
        "id": "req_1", "arrived_at": 1_790_000_000_999_999, "model": "gpt-4o-mini", "group_name": "vip", "operation": "chat",
        "outcome": "ok", "basis": "vendor", "tokens": json.encode(used.kinds()).decode(),
        "prices": json.encode(bill.prices()).decode(), "ratio_ppm": bill.ratio_ppm, "charge": bill.total, "shortfall": 0,
        "attempts": json.encode(attempts).decode(), "dropped": '["logit_bias"]', "price_book": bill.book,
        "disconnect": "cancel", "waived": 0,
    }  # fmt: skip
    return facts_of([{**values, **changes}[name] for name in FACTS])


def test_a_receipt() -> None:
    made = facts()
    shown = json.decode(msgspec.json.encode(receipt(made)))
    assert shown == {
        "object": "receipt",
        "id": "req_1",
        "created": 1_790_000_000,
        "model": "gpt-4o-mini",
        "group": "vip",
        "operation": "chat",
        "status": "ok",
        "basis": "vendor",
        "usage": {"input": 1000, "cache_read": 500, "output": 20, "search": 2},
        "prices": {"input": "0.15", "cache_read": "0.075", "output": "0.6", "search": "0.01"},
        "ratio": "0.8",
        # (1000 x 0.15 + 500 x 0.075 + 20 x 0.6) / 1e6 + 2 x 0.01 = 0.0201995; x 0.8
        "charge": "0.0161596",
        "disconnect": "cancel",
        "attempts": [{"channel": "first", "status": 503, "ms": 13}, {"channel": "second", "status": 200, "ms": 1500}],
        "dropped": ["logit_bias"],
        "price_book": made.price_book,
    }


def test_a_call_that_cost_nothing() -> None:
    empty = facts(
        tokens="{}", prices="{}", attempts="[]", dropped="[]", charge=0, ratio_ppm=1_000_000,
        outcome="refused", group_name=None, price_book="", basis="none", disconnect="",
    )  # fmt: skip
    shown = json.decode(msgspec.json.encode(receipt(empty)))
    assert (shown["charge"], shown["ratio"], shown["usage"], shown["prices"]) == ("0", "1", {}, {})
    assert (shown["group"], shown["status"], shown["attempts"], shown["basis"]) == (None, "refused", [], "none")
    assert shown["disconnect"] is None


def test_what_nobody_pays_is_said() -> None:
    shown = json.decode(msgspec.json.encode(receipt(facts(charge=1, shortfall=1_500_000_000))))
    assert (shown["charge"], shown["shortfall"]) == ("0.000000001", "1.5")


def test_what_a_policy_does_not_charge_is_said() -> None:
    shown = json.decode(msgspec.json.encode(receipt(facts(charge=0, waived=2_000, disconnect="free-if-empty"))))
    assert (shown["charge"], shown["waived"], shown["disconnect"]) == ("0", "0.000002", "free-if-empty")


def test_the_facts_are_columns() -> None:
    assert set(FACTS) <= set(usage_table.c.keys())
