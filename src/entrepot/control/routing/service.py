"""Where would a call go? The configuration from the database, the workers' state from their files."""

import random
from collections.abc import Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from entrepot.control.channels import secrets
from entrepot.control.channels.service import key_view
from entrepot.control.errors import InvalidError
from entrepot.control.groups import service as groups
from entrepot.control.keys import service as keys
from entrepot.control.routing.schemas import Explanation, PassedOver, RouteView, WorkerState
from entrepot.control.services import Transaction
from entrepot.core.call import Caller
from entrepot.core.faults import Fault
from entrepot.kit import json, patterns
from entrepot.kit.clock import iso
from entrepot.providers.places import Places
from entrepot.routing.affinity import mark_of
from entrepot.routing.board import Board
from entrepot.routing.candidates import Router
from entrepot.routing.explain import View, Way, explain
from entrepot.routing.published import Published, read_published
from entrepot.snapshot.load import load
from entrepot.store.keys import describe_key
from entrepot.store.schema import channels
from entrepot.store.schema import keys as key_table

_SOMEWHERE = {"self:sandbox": ("http://127.0.0.1:1/v1", "")}
"""The sandbox's address is the server's own affair; that it has one is enough here."""


class Asked(msgspec.Struct, frozen=True):
    """The call in question."""

    model: str
    key: str | None = None
    """Its id, name or secret."""
    group: str | None = None
    session: str = ""
    """What the client calls its session."""


async def explain_call(tx: Transaction, asked: Asked) -> Explanation:
    """Where a call would go, with this key or in this group. Raises NotFoundError, InvalidError."""
    model = asked.model
    caller = None if asked.key is None else await _caller(tx, asked.key)
    wanted = await _groups(tx, caller, asked.group)
    snapshot = await load(tx.raw, tx.services.vault, Places(tx.services.catalogue), _SOMEWHERE)
    workers = published(tx)
    router = Router(snapshot, random.Random(), Board(tx.services.clock, random.Random()))  # noqa: S311  nothing is drawn
    ways, affinity, refusal = _ways(router, wanted, asked, (workers, caller))
    if caller is not None and caller.models and not patterns.matches_any(caller.models, model):
        refusal = "This API key may not use that model."
    owned = await secrets.of_channels(tx, [way.channel.id for way in ways])
    rows = [owned[way.channel.id] for way in ways]
    return Explanation(
        model=model,
        key=None if caller is None else caller.key_name,
        groups=list(wanted),
        affinity=affinity,
        workers=len(workers),
        routes=[
            _route(number, way, model, (keys, tx.now)) for number, (way, keys) in enumerate(zip(ways, rows, strict=True), 1)
        ],
        passed_over=await _passed_over(tx, wanted, model),
        refusal=refusal,
    )


def published(tx: Transaction) -> list[Published]:
    """What the gateway workers of this machine said last."""
    services = tx.services
    return read_published(services.settings.data_path / "metrics", services.clock.wall())


def worker_state(view: View) -> WorkerState:
    """A channel as one worker sees it."""
    rest = view.rest
    until = None if rest.until is None else iso(rest.until)
    return WorkerState(worker=view.worker, state=rest.state, until=until, reason=rest.reason, health=view.factor)


async def _caller(tx: Transaction, key: str) -> Caller:
    row = await tx.row(select(key_table.c.sha256).where(key_table.c.id == await keys.resolve(tx, key)))
    caller = None if row is None else await describe_key(tx.raw, row["sha256"])
    if caller is None:
        raise InvalidError(f"key: there is no key {key!r}", "key")
    return caller


async def _groups(tx: Transaction, caller: Caller | None, group: str | None) -> tuple[str, ...]:
    if group is not None:
        await groups.require(tx, [group], "group")
        return (group,)
    return (groups.DEFAULT,) if caller is None else caller.groups


def _ways(
    router: Router, wanted: tuple[str, ...], asked: Asked, seen: tuple[list[Published], Caller | None]
) -> tuple[list[Way], str, str | None]:
    """Channels in order, what keeps calls on one of them, and why there is none."""
    workers, caller = seen
    try:
        plan = router.plan(wanted, asked.model)
    except Fault as fault:
        return [], "off", fault.message
    account, key = (0, 0) if caller is None else (caller.user_id, caller.key_id)
    mark = mark_of(plan.affinity, asked.session.encode(), account, key, {}) if caller is not None else 0
    marked = [router.order(tier, mark) for tier in plan.tiers] if mark else []
    return explain(plan, workers, marked), plan.affinity, None


def _route(number: int, way: Way, model: str, owned: tuple[Sequence[RowMapping], int]) -> RouteView:
    rows, now = owned
    channel = way.channel
    return RouteView(
        order=number,
        channel=channel.name,
        provider=channel.provider,
        group=way.group.name,
        priority=channel.priority,
        weight=channel.weight,
        health=way.factor,
        share=way.share,
        upstream_model=channel.model_map.get(model, model),
        why=_why(number, way),
        keys=[key_view(row, now) for row in rows],
        workers=[worker_state(view) for view in way.views],
    )


def _why(number: int, way: Way) -> str:
    """In one sentence."""
    resting = [view for view in way.views if view.waits]
    if way.last_resort:
        rest = min((view.rest for view in resting), key=lambda rest: rest.until or 0.0)
        last = "tried now, for want of a better one" if number == 1 else "tried only if it is the first to come back"
        return f"Rests until {iso(rest.until or 0.0)} ({rest.reason}): {last}."
    if resting:
        return f"Rests on {len(resting)} of {len(way.views)} workers ({resting[0].rest.reason})."
    if any(view.rest.state == "half_open" for view in way.views):
        return "Has rested: the next call that comes this way decides."
    if way.factor < 1.0:
        return f"Failures lower its weight to {way.channel.weight * way.factor:g}."
    if way.channel.weight == 0:
        return "Weight 0: after all others of its priority."
    return "Well."


async def _passed_over(tx: Transaction, wanted: tuple[str, ...], model: str) -> list[PassedOver]:
    """Channels that serve the model, and why they are not among the routes."""
    found: list[PassedOver] = []
    for row in await tx.rows(select(channels).where(channels.c.status != "deleted").order_by(channels.c.id)):
        served: list[str] = [*json.decode(row["models"]), *json.decode(row["model_map"])]
        if not patterns.matches_any(served, model):
            continue
        if row["status"] != "enabled":
            found.append(PassedOver(channel=row["name"], why=f"It is {row['status']}."))
        elif not set(json.decode(row["groups"])).intersection(wanted):
            found.append(PassedOver(channel=row["name"], why="It serves none of these groups."))
    return found
