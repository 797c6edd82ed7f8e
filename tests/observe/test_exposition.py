"""The text is what Prometheus' own parser reads back."""

from prometheus_client.parser import text_string_to_metric_families

from entrepot.observe.exposition import Gauge, exposition
from entrepot.observe.tallies import Counter, Tallies


def _samples(text: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families for sample in family.samples
    }


def test_counts_tokens_bytes_and_times(record) -> None:
    counter = Counter(Tallies())
    counter.count(record())
    counter.count(record(fault="client_left", outcome="client_left", status=499, ttft_ms=None))
    samples = _samples(exposition(counter.tallies, [], [{}]))
    where = (("channel", "north"), ("model", "gpt-4o"), ("operation", "chat"))
    call = (*where, ("fault", ""), ("outcome", "ok"), ("status", "2xx"))
    assert samples["entrepot_calls_total", tuple(sorted(call))] == 1
    assert samples["entrepot_attempts_total", (("channel", "south"), ("fault", "vendor_overloaded"))] == 2
    assert samples["entrepot_tokens_total", tuple(sorted((*where, ("kind", "cache_read"))))] == 10
    assert samples["entrepot_bytes_total", tuple(sorted((*where, ("direction", "out"))))] == 4000
    assert samples["entrepot_call_seconds_count", where] == 2
    assert samples["entrepot_call_seconds_bucket", tuple(sorted((*where, ("le", "1.0"))))] == 0
    assert samples["entrepot_call_seconds_bucket", tuple(sorted((*where, ("le", "2.5"))))] == 2
    assert samples["entrepot_first_content_seconds_count", where] == 1
    assert samples["entrepot_workers", ()] == 1


def test_labels_are_escaped(record) -> None:
    counter = Counter(Tallies())
    counter.count(record(model='a"b\\c\nd', channel="北"))
    calls = [labels for name, labels in _samples(exposition(counter.tallies, [], [])) if name == "entrepot_calls_total"]
    assert dict(calls[0])["model"] == 'a"b\\c\nd'
    assert dict(calls[0])["channel"] == "北"


def test_gauges_of_several_workers_become_one() -> None:
    gauges = [
        Gauge("entrepot_open_calls", "Calls that run.", "", "sum", lambda: 0),
        Gauge("entrepot_snapshot_version", "Version.", "", "min", lambda: 0),
        Gauge("entrepot_upstream_connections", "Connections.", "channel", "sum", dict),
    ]
    readings = [
        {"entrepot_open_calls": {"": 2.0}, "entrepot_snapshot_version": {"": 7.0}, "entrepot_upstream_connections": {"a": 1.0}},
        {
            "entrepot_open_calls": {"": 3.0},
            "entrepot_snapshot_version": {"": 6.0},
            "entrepot_upstream_connections": {"a": 1.0, "b": 4.0},
        },
    ]
    samples = _samples(exposition(Tallies(), gauges, readings))
    assert samples["entrepot_open_calls", ()] == 5
    assert samples["entrepot_snapshot_version", ()] == 6
    assert samples["entrepot_upstream_connections", (("channel", "a"),)] == 2
    assert samples["entrepot_upstream_connections", (("channel", "b"),)] == 4


def test_a_gauge_reads_one_value_or_one_for_each_label() -> None:
    assert Gauge("a", "", "", "sum", lambda: 3).values() == {"": 3}
    assert Gauge("a", "", "channel", "sum", lambda: {"x": 1.0}).values() == {"x": 1.0}
