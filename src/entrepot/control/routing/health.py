"""How channels fare: what came of real traffic, as the workers of this machine count it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control.channels import secrets
from entrepot.control.channels.service import key_view
from entrepot.control.pages import Page, number_cursor, page_of
from entrepot.control.routing.schemas import ChannelHealth, KeyHealth, State
from entrepot.control.routing.service import published, worker_state
from entrepot.control.services import Transaction
from entrepot.routing.explain import View
from entrepot.routing.report import ChannelReport, Figures, together
from entrepot.store.schema import channels

_GOOD_TO_BAD: tuple[State, ...] = ("closed", "half_open", "open")


async def list_page(tx: Transaction, limit: int, after: str | None = None) -> Page[ChannelHealth]:
    """Channels in the order of their creation; one without traffic has no figures."""
    query = select(channels).where(channels.c.id > number_cursor(after), channels.c.status != "deleted")
    rows = await tx.rows(query.order_by(channels.c.id).limit(limit + 1))
    owned = await secrets.of_channels(tx, [row["id"] for row in rows])
    wanted = {row["id"] for row in rows}
    said: dict[int, list[tuple[int, ChannelReport]]] = {row["id"]: [] for row in rows}
    for worker in published(tx):
        for report in worker.channels:
            if report.id in wanted:
                said[report.id].append((worker.worker, report))
    views = [_view(row, owned[row["id"]], said[row["id"]], tx.now) for row in rows]
    return page_of(views, limit, [str(row["id"]) for row in rows])


def _view(row: RowMapping, owned: Sequence[RowMapping], said: list[tuple[int, ChannelReport]], now: int) -> ChannelHealth:
    workers = [worker_state(View(worker, report.factor, report.rest)) for worker, report in said]
    every = [key for _, report in said for key in report.keys]
    keys = [
        KeyHealth(**key_view(key, now).model_dump(), **_fared(together([one.figures for one in every if one.id == key["id"]])))
        for key in owned
    ]
    return ChannelHealth(
        channel=row["name"],
        provider=row["provider"],
        status=row["status"],
        state=_worst([worker.state for worker in workers]),
        running=sum(report.running for _, report in said),
        keys=keys,
        workers=workers,
        **_fared(together([key.figures for key in every])),
    )


def _worst(states: list[State]) -> State:
    return _GOOD_TO_BAD[max(map(_GOOD_TO_BAD.index, states), default=0)]


def _fared(figures: Figures) -> dict[str, Any]:
    first, speed, rate = figures.first_p50, figures.tokens_per_second, figures.success_rate
    return {
        "attempts": figures.attempts,
        "ok": figures.ok,
        "failed": figures.failed,
        "broke": figures.broke,
        "success_rate": None if rate is None else round(rate, 4),
        "first_content_p50_ms": None if first is None else round(first * 1000, 1),
        "tokens_per_second": None if speed is None else round(speed, 1),
    }
