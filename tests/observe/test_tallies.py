"""Counting one call, and adding up what several workers counted."""

import pytest

from entrepot.core.record import Attempt
from entrepot.core.usage import NOTHING, TOKEN_KINDS
from entrepot.observe.tallies import BOUNDS, MAX_MODELS, MAX_SERIES, OTHER, Counter, Tallies


def test_one_call(record) -> None:
    counter = Counter(Tallies())
    counter.count(record())
    tallies = counter.tallies
    assert tallies.calls == {("chat", "gpt-4o", "north", "2xx", "ok", ""): 1}
    assert tallies.attempts == {("south", "vendor_overloaded"): 1, ("north", ""): 1}
    series = tallies.series["chat", "gpt-4o", "north"]
    assert series.total[BOUNDS.index(2.5)] == sum(series.total) == 1
    assert series.first[BOUNDS.index(0.25)] == sum(series.first) == 1
    assert series.total_sum == pytest.approx(1.23456)
    assert dict(zip(TOKEN_KINDS, series.tokens, strict=True)) == {
        **dict.fromkeys(TOKEN_KINDS, 0),
        "input": 10,
        "cache_read": 5,
        "output": 20,
        "reasoning": 1,
    }
    assert (series.bytes_in, series.bytes_out, series.waived) == (1000, 2000, 0)
    counter.count(record(waived=30, disconnect="free-if-empty"))
    tallies.add(counter.tallies)
    assert series.waived == 60


def test_a_value_on_a_bound_belongs_to_its_bucket_and_a_large_one_to_the_last(record) -> None:
    counter = Counter(Tallies())
    counter.count(record(total_ms=25.0, ttft_ms=None))
    counter.count(record(total_ms=10_000_000.0, ttft_ms=None))
    series = counter.tallies.series["chat", "gpt-4o", "north"]
    assert (series.total[0], series.total[-1]) == (1, 1)
    assert sum(series.first) == 0


def test_a_refused_call_has_no_channel_and_no_model_of_its_own(record) -> None:
    counter = Counter(Tallies())
    counter.count(
        record(
            model="made-up",
            channel=None,
            channel_id=None,
            attempts=(),
            usage=NOTHING,
            ttft_ms=None,
            status=404,
            outcome="refused",
            fault="unknown_model",
        )
    )
    assert counter.tallies.calls == {("chat", OTHER, "", "4xx", "refused", "unknown_model"): 1}


def test_a_model_gets_its_name_with_its_first_answer_or_when_the_operator_offers_it(record) -> None:
    counter = Counter(Tallies(), serves=lambda model: model == "offered")
    failed = {"outcome": "refused", "status": 502, "fault": "vendor_error"}
    counter.count(record(model="new", **failed))
    counter.count(record(model="new"))
    counter.count(record(model="new", **failed))
    counter.count(record(model="offered", **failed))
    models = [model for _, model, _, _, outcome, _ in counter.tallies.calls if outcome == "refused"]
    assert models == [OTHER, "new", "offered"]


def test_clients_cannot_make_labels_without_end(record) -> None:
    counter = Counter(Tallies())
    for number in range(MAX_MODELS + 50):
        counter.count(record(model=f"m-{number}"))
    counter.count(record(model="x" * 101))
    assert len({model for _, model, _ in counter.tallies.series}) == MAX_MODELS + 1
    assert counter.tallies.calls["chat", OTHER, "north", "2xx", "ok", ""] == 51


def test_series_are_bounded_too(record) -> None:
    counter = Counter(Tallies())
    for number in range(MAX_SERIES + 10):
        counter.count(record(channel=f"c-{number}"))
    assert len(counter.tallies.series) == MAX_SERIES + 1
    assert sum(counter.tallies.calls.values()) == MAX_SERIES + 10


@pytest.mark.parametrize(("status", "label"), [(200, "2xx"), (499, "4xx"), (599, "5xx"), (0, "0xx"), (999, "0xx"), (-1, "0xx")])
def test_status_classes(record, status: int, label: str) -> None:
    counter = Counter(Tallies())
    counter.count(record(status=status))
    assert [key[3] for key in counter.tallies.calls] == [label]


def test_adding_up_is_counting_all_at_once(record) -> None:
    calls = [
        record(),
        record(model="b", attempts=(Attempt("x", 1, 1, 0, 1.0, "dns_failed"),)),
        record(status=500, outcome="refused"),
    ]
    together, first, second = (Counter(Tallies(), serves=lambda _: True) for _ in range(3))
    for call in calls:
        together.count(call)
    first.count(calls[0])
    for call in calls[1:]:
        second.count(call)
    total = Tallies()
    total.add(first.tallies)
    total.add(second.tallies)
    assert total == together.tallies
    assert sum(first.tallies.calls.values()) == 1  # adding up changes nobody else's numbers
