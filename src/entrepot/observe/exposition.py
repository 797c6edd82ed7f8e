"""Tallies and gauges as Prometheus' text (through prometheus_client, which knows its escapes)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from entrepot.core.money import NANO
from entrepot.core.usage import TOKEN_KINDS
from entrepot.observe.money import cumulated, families
from entrepot.observe.tallies import BOUNDS, Tallies

Readings = dict[str, dict[str, float]]
"""Gauge name → label value (empty where it has no label) → value, of one worker."""


class Gauge(msgspec.Struct, frozen=True):
    """A value that is read when it is asked for."""

    name: str
    text: str
    label: str
    combine: Literal["sum", "max", "min"]
    read: Callable[[], float | Mapping[str, float]]

    def values(self) -> dict[str, float]:
        """Value by label; the label is empty where there is none."""
        reading = self.read()
        return dict(reading) if isinstance(reading, Mapping) else {"": reading}


def exposition(tallies: Tallies, gauges: list[Gauge], readings: list[Readings]) -> bytes:
    """All metrics. `readings` are the gauges' values, one entry a living worker."""
    return generate_latest(_Families(tallies, gauges, readings))


class _Families(Collector):
    def __init__(self, tallies: Tallies, gauges: list[Gauge], readings: list[Readings]) -> None:
        self._tallies = tallies
        self._gauges = gauges
        self._readings = readings

    def collect(self) -> Iterator[Metric]:
        yield self._calls()
        yield self._attempts()
        yield self._tokens()
        yield self._bytes()
        yield self._waived()
        yield from self._times()
        yield from families(self._tallies.money)
        workers = GaugeMetricFamily("entrepot_workers", "Workers that are alive.")
        workers.add_metric([], len(self._readings))
        yield workers
        for gauge in self._gauges:
            yield self._gauge(gauge)

    def _calls(self) -> Metric:
        labels = ("operation", "model", "channel", "status", "outcome", "fault")
        family = CounterMetricFamily("entrepot_calls", "Finished calls.", labels=labels)
        for key, count in sorted(self._tallies.calls.items()):
            family.add_metric(key, count)
        return family

    def _attempts(self) -> Metric:
        family = CounterMetricFamily("entrepot_attempts", "Tries on channels, by what went wrong.", labels=("channel", "fault"))
        for key, count in sorted(self._tallies.attempts.items()):
            family.add_metric(key, count)
        return family

    def _tokens(self) -> Metric:
        family = CounterMetricFamily("entrepot_tokens", "Tokens by kind.", labels=("operation", "model", "channel", "kind"))
        for key, series in sorted(self._tallies.series.items()):
            for kind, count in zip(TOKEN_KINDS, series.tokens, strict=True):
                if count:
                    family.add_metric((*key, kind), count)
        return family

    def _bytes(self) -> Metric:
        labels = ("operation", "model", "channel", "direction")
        family = CounterMetricFamily("entrepot_bytes", "Bytes of bodies, from (in) and to (out) clients.", labels=labels)
        for key, series in sorted(self._tallies.series.items()):
            family.add_metric((*key, "in"), series.bytes_in)
            family.add_metric((*key, "out"), series.bytes_out)
        return family

    def _waived(self) -> Metric:
        text = "What calls would have cost but for a policy: nothing delivered, or broken off."
        family = CounterMetricFamily("entrepot_money_waived_usd", text, labels=("operation", "model", "channel"))
        for key, series in sorted(self._tallies.series.items()):
            if series.waived:
                family.add_metric(key, series.waived / NANO)
        return family

    def _times(self) -> Iterator[Metric]:
        labels = ("operation", "model", "channel")
        total = HistogramMetricFamily("entrepot_call_seconds", "From a call's arrival to its end.", labels=labels)
        first = HistogramMetricFamily(
            "entrepot_first_content_seconds", "From a call's arrival to its first content.", labels=labels
        )
        for key, series in sorted(self._tallies.series.items()):
            total.add_metric(key, cumulated(BOUNDS, series.total), series.total_sum)
            if any(series.first):
                first.add_metric(key, cumulated(BOUNDS, series.first), series.first_sum)
        yield total
        yield first

    def _gauge(self, gauge: Gauge) -> Metric:
        family = GaugeMetricFamily(gauge.name, gauge.text, labels=(gauge.label,) if gauge.label else ())
        values: dict[str, list[float]] = {}
        for reading in self._readings:
            for label, value in reading.get(gauge.name, {}).items():
                values.setdefault(label, []).append(value)
        combined = {"sum": sum, "max": max, "min": min}[gauge.combine]
        for label, each in sorted(values.items()):
            family.add_metric((label,) if gauge.label else (), combined(each))
        return family
