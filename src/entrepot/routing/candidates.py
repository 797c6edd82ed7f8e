"""Candidates: the routes a call may take, best first.

Groups in the key's order, tiers by priority, inside a tier a draw by weight without
replacement. Weights are corrected by health, channels and keys that rest come last, and of
those only one: the one whose rest ends first.
"""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf

import msgspec

from entrepot.core.call import Affinity
from entrepot.core.faults import Cool, Fault, Kind
from entrepot.core.http import Timeouts
from entrepot.core.money import PPM
from entrepot.core.route import Route
from entrepot.routing.affinity import salt, share
from entrepot.routing.board import Board
from entrepot.routing.trial import Trial
from entrepot.snapshot.model import Channel, ChannelKey, Group, Model, Snapshot

_MEMO_LIMIT = 50_000
"""Routes that are remembered, and ways in plans that are."""
_MEMO_NAME = 256
"""Longer names are never remembered: nobody calls a model that, and a stranger could fill the memory."""
KEYS_A_CALL = 3
"""Keys of one channel that one call tries, where a fault is the key's alone."""
_KEYS_OWN = frozenset((Cool.KEY, Cool.BREAKS_KEY))


class Tier(msgspec.Struct, frozen=True):
    """Channels of one priority for one group; each has a key that may be used."""

    group: Group
    channels: tuple[Channel, ...]
    sums: tuple[int, ...]
    """Of their weights, from the first to each."""
    ids: frozenset[int]
    sticks: tuple[tuple[float, float], ...]
    """Of each channel its salt and one by its weight, for affinity."""


class Plan(msgspec.Struct, frozen=True):
    """What may serve a model for the groups of a key."""

    tiers: tuple[Tier, ...]
    only: Route | None
    """Where there is but one way: it is taken, whatever its health."""
    affinity: Affinity = "off"
    """What keeps calls on one of them."""
    limited: bool = False
    """Has one of the first tier limits of its own?"""


class Router:
    """Makes routes from one snapshot; a new snapshot means a new router."""

    __slots__ = ("_memo", "_planned", "_plans", "_random", "_salts", "board", "snapshot")

    def __init__(self, snapshot: Snapshot, source: random.Random, board: Board) -> None:
        self.snapshot = snapshot
        self.board = board
        self._random = source
        board.limits = {channel.id: channel.limits for channel in snapshot.channels if channel.limits is not None}
        self._memo: dict[tuple[int, int, str, str], Route] = {}
        self._plans: dict[tuple[tuple[str, ...], str], Plan] = {}
        self._planned = 0
        self._salts: dict[int, float] = {}

    def candidates(self, groups: tuple[str, ...], model: str) -> "Candidates":
        """The routes of one call. Raises Fault where there is none at all."""
        return Candidates(self, self._plans.get((groups, model)) or self.plan(groups, model), model)

    def serving(self, groups: Sequence[str], model: str) -> Sequence[str]:
        """Those of the groups that have channels for the model."""
        return groups if len(groups) == 1 else [group for group in groups if self.snapshot.tiers(group, model)]

    def dearest(self, groups: Sequence[str]) -> int:
        """The highest ratio (ppm) that a call of these groups may be charged at."""
        known = self.snapshot.groups
        return max((known[name].ratio_ppm for name in groups if name in known), default=PPM)

    def draw(self, tier: Tier) -> Channel:
        """One of a tier whose channels are all well."""
        channels, sums = tier.channels, tier.sums
        if len(channels) == 1 or not sums[-1]:
            return channels[0] if len(channels) == 1 else channels[int(self._random.random() * len(channels))]
        return channels[bisect_right(sums, self._random.random() * sums[-1])]

    def stick(self, tier: Tier, mark: int) -> Channel:
        """The one that serves this mark, where all are well."""
        most, best = -1.0, 0
        for at, (factor, inverse) in enumerate(tier.sticks):
            found = mark * factor % 1.0  # affinity.share, without the calls
            if inverse != 1.0:
                found **= inverse
            if found > most:
                most, best = found, at
        return tier.channels[best]

    def order(self, tier: Tier, mark: int = 0) -> Sequence[Channel]:
        """A tier in the order in which to try it; calls of one mark always have the same."""
        if len(tier.channels) == 1:
            return tier.channels
        if mark:
            return [tier.channels[at] for _, at in sorted(_shares(tier, mark), reverse=True)]
        draw, troubled, now = self._random.random, self.board.troubled, self.board.now()

        def place(channel: Channel) -> float:
            # Efraimidis-Spirakis: sorting by random ** (1 / weight) draws by weight without replacement.
            if channel.weight <= 0:
                return -draw()
            health = troubled.get(channel.id)
            return draw() ** (1.0 / (channel.weight if health is None else channel.weight * health.factor(now)))

        return sorted(tier.channels, key=place, reverse=True)

    def pick(self, keys: Sequence[ChannelKey], mark: int = 0) -> ChannelKey:
        """One of them."""
        if len(keys) == 1:
            return keys[0]
        if mark:
            return max(keys, key=lambda key: share(mark, self._salt(key.id), 1.0))
        return keys[int(self._random.random() * len(keys))]

    def _salt(self, key_id: int) -> float:
        found = self._salts.get(key_id)
        if found is None:
            found = self._salts[key_id] = salt("key", key_id)
        return found

    def route(self, channel: Channel, key: ChannelKey, group: Group, model: str) -> Route:
        """The route; made once."""
        place = (channel.id, key.id, group.name, model)
        route = self._memo.get(place)
        if route is None:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            timeouts = self.snapshot.timeouts(channel, model)
            route = self._memo[place] = _make(channel, key, group, self.snapshot.about(model), timeouts)
        return route

    def plan(self, groups: tuple[str, ...], model: str) -> Plan:
        """What may serve the model, made anew and remembered. Raises Fault where nothing may."""
        found = [(self.snapshot.groups[name], tier) for name in groups for tier in self.snapshot.tiers(name, model)]
        able = [(group, tuple(channel for channel in tier if usable(channel))) for group, tier in found]
        tiers = [_tier(group, tier) for group, tier in able if tier]
        if not tiers:
            raise self._nobody(model, served=bool(found))
        ways = [(channel, key, tier.group) for tier in tiers for channel in tier.channels for key in usable(channel)]
        if len(ways) == 1 and ways[0][0].id not in self.board.limits:
            plan = Plan(tuple(tiers), self.route(*ways[0], model))
        else:
            limited = any(channel.id in self.board.limits for channel in tiers[0].channels)
            plan = Plan(tuple(tiers), None, self.snapshot.affinity(groups, model), limited)
        if len(model) <= _MEMO_NAME:
            self._planned += len(ways)
            if self._planned > _MEMO_LIMIT:
                self._plans.clear()
                self._planned = len(ways)
            self._plans[groups, model] = plan
        return plan

    def _nobody(self, model: str, *, served: bool) -> Fault:
        if served:
            return Fault(Kind.NO_CHANNEL, f"No channel serves the model '{model}' right now.", retry_after=5)
        if self.snapshot.knows(model):
            message = f"The model '{model}' is not part of this API key's group."
            return Fault(Kind.MODEL_NOT_ALLOWED, message, param="model")
        message = f"The model '{model}' does not exist here. GET /v1/models lists what this key may use."
        return Fault(Kind.UNKNOWN_MODEL, message, param="model")


class Candidates:
    """One call's way through its plan: ask for the `next` route until one has answered. None is given twice."""

    __slots__ = ("_fault", "_first", "_model", "_plan", "_rest", "_router", "full", "hurried", "mark", "waits")

    def __init__(self, router: Router, plan: Plan, model: str) -> None:
        self._router = router
        self._plan = plan
        self._model = model
        self.mark = 0
        """Calls of one mark go the same way (affinity.py)."""
        self.waits = 0.0
        """Where `next` has given None: seconds after which to ask again, as all that is left is full; 0: that was all."""
        self.full = 0.0
        """Seconds after which one of those that were full may have had room; 0 where none was."""
        self.hurried = False
        """Wait for no room any more: what rests is next."""
        self._first: tuple[Channel, Group, ChannelKey] | None = None
        """Drawn without a look at anybody's health, as all were well."""
        self._rest: Iterator[Route | None] | None = None
        self._fault: Fault | None = None

    @property
    def affinity(self) -> Affinity:
        """What may be marked; `off` where there is but one way."""
        return self._plan.affinity

    def next(self, fault: Fault | None = None) -> Route | None:
        """The next route. `fault`: how the attempt on the one before ended; None where there was none."""
        self._fault = fault
        self.waits = 0.0
        if self._rest is None:
            plan, troubled = self._plan, self._router.board.troubled
            if plan.only is not None:
                self._rest = iter(())
                return plan.only
            if self._first is None and not plan.limited and (not troubled or plan.tiers[0].ids.isdisjoint(troubled)):
                return self._quick()
            self._rest = self._walk()
        return next(self._rest, None)

    def begin(self, route: Route) -> Trial:
        """An attempt on the route begins."""
        return self._router.board.begin(route)

    def _quick(self) -> Route:
        router, tier = self._router, self._plan.tiers[0]
        channel = router.stick(tier, self.mark) if self.mark else router.draw(tier)
        key = router.pick(usable(channel), self.mark)
        self._first = (channel, tier.group, key)
        return router.route(channel, key, tier.group, self._model)

    def _walk(self) -> Iterator[Route | None]:
        router, used, first = self._router, set[int](), self._first
        resting: list[tuple[float, Route]] = []
        full: list[tuple[Channel, Group]] = []
        if first is not None:
            channel, group, key = first
            used.add(channel.id)
            yield from self._other_keys(channel, group, key)
        for tier in self._plan.tiers:
            for channel in router.order(tier, self.mark):
                if channel.id in used:
                    continue
                used.add(channel.id)
                if router.board.full(channel.id):
                    full.append((channel, tier.group))
                else:
                    yield from self._through(channel, tier.group, resting)
        yield from self._once_there_is_room(full, resting)
        resting.sort(key=lambda entry: entry[0])
        for _, route in resting:
            yield route
            if self._fault is not None:
                return

    def _once_there_is_room(
        self, full: list[tuple[Channel, Group]], resting: list[tuple[float, Route]]
    ) -> Iterator[Route | None]:
        """Channels that were full, as they get room; None while none of them has. Ends when the caller has waited enough."""
        board = self._router.board
        while full and not self.hurried:
            waits = [board.full(channel.id) for channel, _ in full]
            least = min(waits)
            if least:
                self.waits = self.full = least
                yield None
            else:
                yield from self._through(*full.pop(waits.index(least)), resting)

    def _through(self, channel: Channel, group: Group, resting: list[tuple[float, Route]]) -> Iterator[Route]:
        """One channel, with a key of it that does not rest; with others where that one was at fault."""
        router, keys = self._router, usable(channel)
        ends = self._ends(channel, keys)
        awake = [key for key in keys if not ends.get(key.id)]
        if not awake:
            key = min(keys, key=lambda key: ends[key.id])
            resting.append((ends[key.id], router.route(channel, key, group, self._model)))
            return
        key = router.pick(awake, self.mark)
        yield router.route(channel, key, group, self._model)
        yield from self._other_keys(channel, group, key)

    def _other_keys(self, channel: Channel, group: Group, tried: ChannelKey) -> Iterator[Route]:
        """More keys of the channel that was just tried, while the faults are the keys' alone."""
        router = self._router
        left = [key for key in usable(channel) if key is not tried]
        for _ in range(KEYS_A_CALL - 1):
            if self._fault is None or self._fault.row.cool not in _KEYS_OWN:
                return
            ends = self._ends(channel, left)
            left = [key for key in left if not ends.get(key.id)]
            if not left:
                return
            key = router.pick(left, self.mark)
            left.remove(key)
            yield router.route(channel, key, group, self._model)

    def _ends(self, channel: Channel, keys: Sequence[ChannelKey]) -> dict[int, float]:
        """When the rest of each key ends that rests."""
        board = self._router.board
        health = board.troubled.get(channel.id)
        if health is None:
            return {}
        now = board.now()
        return {key.id: end for key in keys if (end := health.ends(key.id, now))}


def _tier(group: Group, channels: tuple[Channel, ...]) -> Tier:
    sums = tuple(accumulate(max(channel.weight, 0) for channel in channels))
    sticks = tuple((salt("channel", channel.id), 1.0 / channel.weight if channel.weight > 0 else inf) for channel in channels)
    return Tier(group, channels, sums, frozenset(channel.id for channel in channels), sticks)


def _shares(tier: Tier, mark: int) -> list[tuple[float, int]]:
    """What each channel says to a mark, and its place; weight 0 says least."""
    return [(share(mark, factor, inverse), at) for at, (factor, inverse) in enumerate(tier.sticks)]


def usable(channel: Channel) -> Sequence[ChannelKey]:
    """The keys that the operator has not disabled."""
    keys = channel.keys
    if len(keys) == 1:
        return keys if keys[0].status != "disabled" else ()
    return [key for key in keys if key.status != "disabled"]


def _make(channel: Channel, key: ChannelKey, group: Group, model: Model, timeouts: Timeouts) -> Route:
    upstream = channel.model_map.get(model.name, model.name)
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
        api=channel.api,
        mapped=upstream != model.name,
        disconnect=group.disconnect or model.disconnect,
        free_interrupted=group.free_interrupted,
    )
