"""Money as metrics: what the desks have counted, and what they hold right now. USD outside, nano-USD inside."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Literal, Protocol

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from entrepot.buckets.desk import Buckets
from entrepot.buckets.figures import BOUNDS, Figures
from entrepot.core.money import NANO


class Gauges(Protocol):
    """What can show a value (metrics.Metrics)."""

    def gauge(self, name: str, text: str, read: Callable[[], float], *, combine: Literal["sum", "max"] = "sum") -> None:
        """Show a value as it is when asked for."""
        ...


def money_gauges(metrics: Gauges, desk: Buckets) -> None:
    """What a desk holds right now."""
    gauge = metrics.gauge
    gauge("entrepot_money_holds", "Calls that have reserved money.", lambda: desk.holds)
    gauge("entrepot_money_held_usd", "What running calls have reserved in wallets.", lambda: desk.held / NANO)
    gauge("entrepot_money_leased_usd", "What workers lease of wallets and have not spent.", lambda: desk.outstanding / NANO)
    gauge("entrepot_money_accounts", "Wallets and caps that workers know now.", lambda: len(desk.flusher.accounts))
    gauge("entrepot_journal_lag_bytes", "Charges in the journal that are not in the database yet.", lambda: desk.lag)
    gauge("entrepot_journal_owed", "Calls whose charge waits for a disk that refuses it.", lambda: desk.owed)
    gauge(
        "entrepot_money_fenced",
        "1 while no call is admitted for want of the database.",
        lambda: float(desk.fenced),
        combine="max",
    )


def families(figures: Figures) -> Iterator[Metric]:
    """What was counted, over all workers."""
    yield _by(
        "entrepot_money_refills", "Leases that were asked for.", "result", granted=figures.grants, refused=figures.refused
    )
    yield _one("entrepot_money_recalls", "Leases that went back because another worker was short.", figures.recalls)
    yield _one("entrepot_money_shortfalls", "Calls that their wallet could not pay whole.", figures.shortfalls)
    yield _one("entrepot_money_shortfall_usd", "What the house account paid of them.", figures.shortfall / NANO)
    yield _one("entrepot_journal_records", "Charges that were stored.", figures.flushed)
    yield _one("entrepot_journal_rejects", "Charges that the database refuses, parked.", figures.rejects)
    flush = HistogramMetricFamily("entrepot_journal_flush_seconds", "Transactions that stored charges.")
    flush.add_metric([], cumulated(BOUNDS, figures.flushes), figures.flush_seconds)
    yield flush
    yield _by(
        "entrepot_money_recoveries",
        "What was put right after a process or the database had died.",
        "kind",
        replayed=figures.replayed,
        interrupted=figures.interrupted,
        orphaned=figures.orphans,
        retired=figures.retired,
        reborn=figures.reborn,
    )


def cumulated(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    """A histogram's counts, cumulated under their upper bounds."""
    names = [*(str(bound) for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(counts), strict=True))


def _one(name: str, text: str, value: float) -> Metric:
    family = CounterMetricFamily(name, text)
    family.add_metric([], value)
    return family


def _by(name: str, text: str, label: str, **values: float) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for kind, value in values.items():
        family.add_metric((kind,), value)
    return family
