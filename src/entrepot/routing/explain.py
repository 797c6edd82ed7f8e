"""Where would a call go, and why: the plan of a router, with what the workers say of its channels."""

from collections.abc import Sequence

import msgspec

from entrepot.routing.candidates import Plan, Tier, usable
from entrepot.routing.published import Published
from entrepot.routing.report import ChannelReport, Rest
from entrepot.snapshot.model import Channel, Group

_WELL = Rest()


class View(msgspec.Struct, frozen=True):
    """A channel as one worker sees it."""

    worker: int
    factor: float = 1.0
    """What health multiplies its weight by."""
    rest: Rest = _WELL
    """Its own, or where that is closed the one of its keys that ends first, if all of them rest."""

    @property
    def waits(self) -> bool:
        """Would a call go elsewhere if it could?"""
        return self.rest.state == "open"


class Way(msgspec.Struct, frozen=True):
    """One channel in the order in which calls try them."""

    group: Group
    channel: Channel
    share: float
    """How often it is the first of its tier, 0 to 1, on average of the workers."""
    factor: float
    views: tuple[View, ...]

    @property
    def last_resort(self) -> bool:
        """Does it rest on every worker?"""
        return bool(self.views) and all(view.waits for view in self.views)

    @property
    def ends(self) -> float:
        """Wall time at which the first rest ends."""
        return min((view.rest.until or 0.0 for view in self.views), default=0.0)


def explain(plan: Plan, workers: Sequence[Published], marked: Sequence[Sequence[Channel]] = ()) -> list[Way]:
    """The plan's channels in the order in which they are tried: those that rest come last.

    `marked`: for each tier its channels in the order of one session or key, else by share.
    """
    found: list[Way] = []
    for number, tier in enumerate(plan.tiers):
        ways = _through(tier, workers)
        if marked:
            places = {channel.id: place for place, channel in enumerate(marked[number])}
            ways.sort(key=lambda way: places[way.channel.id])
        found += ways
    once = {way.channel.id: way for way in reversed(found)}  # of several groups the first one counts
    ready = [way for way in found if once[way.channel.id] is way and not way.last_resort]
    resting = [way for way in found if once[way.channel.id] is way and way.last_resort]
    return [*ready, *sorted(resting, key=lambda way: way.ends)]


def _through(tier: Tier, workers: Sequence[Published]) -> list[Way]:
    seen = {channel.id: tuple(_view(channel, worker) for worker in workers) for channel in tier.channels}
    shares = {channel.id: 0.0 for channel in tier.channels}
    for number in range(max(len(workers), 1)):
        weights = {channel.id: _weight(channel, seen[channel.id], number) for channel in tier.channels}
        total = sum(weights.values())
        for channel_id, weight in weights.items():
            shares[channel_id] += weight / total / max(len(workers), 1) if total else 0.0
    ways = [Way(tier.group, one, round(shares[one.id], 4), _mean(seen[one.id]), seen[one.id]) for one in tier.channels]
    return sorted(ways, key=lambda way: way.share, reverse=True)


def _weight(channel: Channel, views: tuple[View, ...], number: int) -> float:
    """On one worker; where none runs, as if all were well."""
    if not views:
        return float(channel.weight)
    return 0.0 if views[number].waits else channel.weight * views[number].factor


def _mean(views: tuple[View, ...]) -> float:
    return round(sum(view.factor for view in views) / len(views), 3) if views else 1.0


def _view(channel: Channel, worker: Published) -> View:
    report = next((one for one in worker.channels if one.id == channel.id), None)
    return View(worker.worker) if report is None else View(worker.worker, report.factor, _rest(channel, report))


def _rest(channel: Channel, report: ChannelReport) -> Rest:
    if report.rest.state != "closed":
        return report.rest
    known = {key.id: key.rest for key in report.keys}
    rests = [known.get(key.id, _WELL) for key in usable(channel)]
    return min(rests, key=lambda rest: rest.until or 0.0) if rests and all(rest.state == "open" for rest in rests) else _WELL
