"""Candidates: the routes a call may take, best first.

Groups in the key's order, tiers by priority, inside a tier a draw by weight without
replacement: a channel that failed is never picked again in the same call. Health, cooldown
and affinity come with the breaker; until then every enabled channel and key counts as well.
"""

import random
from collections.abc import Iterator, Sequence

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Timeouts
from entrepot.core.money import PPM
from entrepot.core.route import Route
from entrepot.snapshot.model import Channel, ChannelKey, Group, Snapshot

_MEMO_LIMIT = 50_000


class Router:
    """Makes routes from one snapshot; a new snapshot means a new router."""

    __slots__ = ("_memo", "_random", "snapshot")

    def __init__(self, snapshot: Snapshot, source: random.Random) -> None:
        self.snapshot = snapshot
        self._random = source
        self._memo: dict[tuple[int, int, str, str], Route] = {}

    def candidates(self, groups: Sequence[str], model: str) -> Iterator[Route]:
        """Routes in the order in which to try them. Raises Fault where there is none at all."""
        tiers = [(group, tier) for group in groups for tier in self.snapshot.tiers(group, model)]
        if not any(_usable_keys(channel) for _, tier in tiers for channel in tier):
            raise self._nobody(model, served=bool(tiers))
        return self._draw(tiers, model)

    def serving(self, groups: Sequence[str], model: str) -> Sequence[str]:
        """Those of the groups that have channels for the model."""
        return groups if len(groups) == 1 else [group for group in groups if self.snapshot.tiers(group, model)]

    def dearest(self, groups: Sequence[str]) -> int:
        """The highest ratio (ppm) that a call of these groups may be charged at."""
        known = self.snapshot.groups
        return max((known[name].ratio_ppm for name in groups if name in known), default=PPM)

    def _draw(self, tiers: list[tuple[str, tuple[Channel, ...]]], model: str) -> Iterator[Route]:
        used: set[int] = set()
        for name, tier in tiers:
            group = self.snapshot.groups[name]
            for channel in self._shuffled(tier):
                keys = _usable_keys(channel)
                if keys and channel.id not in used:
                    used.add(channel.id)
                    key = keys[0] if len(keys) == 1 else keys[int(self._random.random() * len(keys))]
                    yield self._route(channel, key, group, model)

    def _shuffled(self, tier: tuple[Channel, ...]) -> Sequence[Channel]:
        if len(tier) == 1:
            return tier
        # Efraimidis-Spirakis: sorting by random ** (1 / weight) draws by weight without replacement.
        draw = self._random.random
        return sorted(tier, key=lambda channel: draw() ** (1.0 / channel.weight) if channel.weight > 0 else -1.0, reverse=True)

    def _route(self, channel: Channel, key: ChannelKey, group: Group, model: str) -> Route:
        place = (channel.id, key.id, group.name, model)
        route = self._memo.get(place)
        if route is None:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            timeouts = self.snapshot.timeouts(channel, model)
            route = self._memo[place] = _make(channel, key, group, model, timeouts)
        return route

    def _nobody(self, model: str, *, served: bool) -> Fault:
        if served:
            return Fault(Kind.NO_CHANNEL, f"No channel serves the model '{model}' right now.", retry_after=5)
        if self.snapshot.knows(model):
            message = f"The model '{model}' is not part of this API key's group."
            return Fault(Kind.MODEL_NOT_ALLOWED, message, param="model")
        message = f"The model '{model}' does not exist here. GET /v1/models lists what this key may use."
        return Fault(Kind.UNKNOWN_MODEL, message, param="model")


def _usable_keys(channel: Channel) -> Sequence[ChannelKey]:
    keys = channel.keys
    if len(keys) == 1:
        return keys if keys[0].status == "enabled" else ()
    return [key for key in keys if key.status == "enabled"]


def _make(channel: Channel, key: ChannelKey, group: Group, model: str, timeouts: Timeouts) -> Route:
    upstream = channel.model_map.get(model, model)
    return Route(
        channel_id=channel.id,
        channel=channel.name,
        provider=channel.provider,
        group=group.name,
        ratio_ppm=group.ratio_ppm,
        model=upstream,
        origin=channel.origin,
        prefix=channel.prefix,
        query=channel.query,
        key_id=key.id,
        secret=key.secret,
        headers=channel.headers,
        overrides=channel.overrides,
        timeouts=timeouts,
        max_connections=channel.max_connections,
        mapped=upstream != model,
    )
