"""Money in Prometheus' text, summed over workers, in USD; and a worker that goes on where one died."""

import asyncio
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from entrepot.buckets.figures import Figures
from entrepot.buckets.plan import HOUSE
from entrepot.kit.clock import ManualClock
from entrepot.observe.metrics import Metrics
from entrepot.observe.money import cumulated, families, money_gauges
from entrepot.store.raw import Database
from tests.buckets.desks import Bank
from tests.buckets.test_desk import hold


def _samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    found = text_string_to_metric_families(metrics.render().decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in found for sample in family.samples}


async def test_a_desk_as_metrics(db: Database, tmp_path: Path) -> None:
    bank = Bank(db, tmp_path)
    metrics = Metrics(tmp_path / "metrics", 0, ManualClock())
    wallet, quota = await bank.wallet(9_000_000_000), await bank.quota(9_000_000_000)
    desk = await bank.desk(figures=metrics.money)
    money_gauges(metrics, desk)
    held = await hold(desk, (wallet, 500_000_000), (quota, 500_000_000))
    house = desk.try_hold([(HOUSE, 250_000_000)])
    assert house is not None
    shown = _samples(metrics)
    assert shown["entrepot_money_holds",] == 2
    assert shown["entrepot_money_held_usd",] == 0.75, "a cap is no money"
    assert shown["entrepot_money_leased_usd",] == 0.5, "a quarter for each would be thin: the lease is the hold"
    assert shown["entrepot_money_accounts",] == 2
    assert shown["entrepot_money_refills_total", "granted"] == 2
    assert shown["entrepot_money_fenced",] == 0
    assert shown["entrepot_journal_lag_bytes",] == 0
    held.settle(9_500_000_000, bank.line())
    house.release()
    assert _samples(metrics)["entrepot_journal_lag_bytes",] > 0
    await desk.step()
    shown = _samples(metrics)
    assert shown["entrepot_money_shortfalls_total",] == 1
    assert shown["entrepot_money_shortfall_usd_total",] == 0.5
    assert shown["entrepot_journal_records_total",] == 1
    assert shown["entrepot_journal_flush_seconds_count",] == shown["entrepot_journal_flush_seconds_bucket", "+Inf"] == 1
    assert (shown["entrepot_money_held_usd",], shown["entrepot_money_leased_usd",]) == (0, 0)
    await desk.close()


async def test_refused_and_recalled(db: Database, tmp_path: Path) -> None:
    bank = Bank(db, tmp_path)
    wallet = await bank.wallet(1000)
    one, other = await bank.desk(), await bank.desk()
    idle = await hold(one, (wallet, 900))
    idle.release()
    one.flusher.idle.clear()  # it keeps what it has until it is asked
    waiting = asyncio.ensure_future(other.hold([(wallet, 800)]))
    for _ in range(6):
        await asyncio.sleep(0)
        await other.step()
        await one.step()
    (await waiting).release()
    assert one.figures.recalls == 1
    assert other.figures.refused >= 1
    await one.close()
    await other.close()


def test_workers_add_up_and_a_new_one_goes_on(tmp_path: Path) -> None:
    clock = ManualClock()
    first, second = Metrics(tmp_path, 0, clock), Metrics(tmp_path, 1, clock)
    for metrics, nano in ((first, 1_000_000_000), (second, 500_000_000)):
        metrics.money.shortfall += nano
        metrics.money.rejects += 1
        metrics._publish(metrics.snapshot())
    heir = Metrics(tmp_path, 0, clock)
    heir.money.rejects += 1
    shown = _samples(heir)
    assert shown["entrepot_money_shortfall_usd_total",] == 1.5
    assert shown["entrepot_journal_rejects_total",] == 3


def test_every_figure_is_shown() -> None:
    figures = Figures(flushed=1, grants=2, refused=3, recalls=4, shortfalls=5, shortfall=6 * 10**9, rejects=7)
    figures.replayed, figures.interrupted, figures.orphans, figures.retired, figures.reborn = 8, 9, 10, 11, 12
    values = [sample.value for family in families(figures) for sample in family.samples if "flush" not in sample.name]
    assert sorted(values) == list(range(1, 13))


def test_histograms_are_cumulated() -> None:
    assert cumulated((0.5, 1.0), [1, 2, 3]) == [("0.5", 1), ("1.0", 3), ("+Inf", 6)]
