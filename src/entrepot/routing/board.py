"""The health of all channels as one worker sees it. A channel that was never used has no state."""

import random
from collections.abc import Callable, Collection, Iterable

import msgspec

from entrepot.core.call import RateLimits
from entrepot.core.route import Route
from entrepot.kit.clock import Clock
from entrepot.routing.health import ChannelHealth, KeyHealth, KeyStatus
from entrepot.routing.meter import Meter
from entrepot.routing.trial import Trial, Verdict
from entrepot.snapshot.model import Channel

UNUSED = 3600.0
"""Seconds after which a sound key's figures are forgotten."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """The state of a key that rests, as all workers share it."""

    channel_id: int
    key_id: int
    status: KeyStatus
    reason: str
    seconds: float
    """Of the rest that are left; below zero where it has ended."""
    tries: int


def nobody(_: Verdict) -> None:
    """Where a worker is alone."""


def _alone() -> int:
    return 1


class Board:
    """Outlives snapshots. `troubled`: channels that are not simply well; all others need no second look."""

    __slots__ = ("_channels", "_clock", "_keys", "_random", "_swept", "limits", "on_verdict", "troubled", "workers")

    def __init__(self, clock: Clock, source: random.Random) -> None:
        self._clock = clock
        self._random = source
        self._channels: dict[int, ChannelHealth] = {}
        self._keys: dict[tuple[int, int], KeyHealth] = {}
        self._swept = clock.monotonic()
        self.troubled: dict[int, ChannelHealth] = {}
        self.limits: dict[int, RateLimits] = {}
        """Of the channels that have any."""
        self.workers: Callable[[], int] = _alone
        """How many share the limits, this one included."""
        self.on_verdict: Callable[[Verdict], None] = nobody
        """Called with what the other workers should know."""

    def begin(self, route: Route) -> Trial:
        """An attempt on this route begins."""
        place = (route.channel_id, route.key_id)
        key = self._keys.get(place)
        if key is None:
            key = self._key(*place)
        now = self._clock.monotonic()
        if self.limits and key.channel.meter is None and route.channel_id in self.limits:
            key.channel.meter = Meter(now)
        return Trial(key, self, now)

    def full(self, channel_id: int) -> float:
        """Seconds until a channel may have room; 0 where it has now."""
        limits, health = self.limits.get(channel_id), self._channels.get(channel_id)
        if limits is None or health is None or health.meter is None:
            return 0.0
        return health.meter.wait(limits, health.running, max(self.workers(), 1), self._clock.monotonic())

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    def dice(self) -> float:
        """Random, in [0, 1)."""
        return self._random.random()

    def tell(self, verdict: Verdict) -> None:
        """The other workers should know."""
        self.on_verdict(verdict)

    def trouble(self, channel: ChannelHealth) -> None:
        """Something is to be said against the channel."""
        self.troubled[channel.id] = channel

    def known(self) -> list[ChannelHealth]:
        """All channels that have any state."""
        return list(self._channels.values())

    def learn(self, states: Iterable[Known], besides: Collection[tuple[int, int]] = ()) -> None:
        """What all workers share now, in place of what they shared before; `besides` are keys of which we know more."""
        now = self.now()
        said = {(state.channel_id, state.key_id): state for state in states}
        for place, key in self._keys.items():
            if key.shared != "enabled" and place not in said and place not in besides:
                key.shared, key.tries = "enabled", 0
                key.breaker.close()
        for place, state in said.items():
            if place not in besides:
                self._rest(self._keys.get(place) or self._key(*place), state, now)

    def forget(self, channel_id: int) -> None:
        """The operator says that all is well."""
        channel = self._channels.pop(channel_id, None)
        if channel is not None:
            for key_id in channel.keys:
                del self._keys[channel_id, key_id]
        self.troubled.pop(channel_id, None)

    def follow(self, before: Iterable[Channel], after: Iterable[Channel]) -> None:
        """The snapshot has changed: channels that are gone, or lead elsewhere now, are forgotten; not while calls run there."""
        if not self._channels:
            return
        led = {channel.id: _leads(channel) for channel in before if channel.id in self._channels}
        lead = {channel.id: _leads(channel) for channel in after if channel.id in self._channels}
        for channel_id in list(self._channels):
            if channel_id not in lead:
                if not self._channels[channel_id].running:
                    self.forget(channel_id)
            elif led.get(channel_id, lead[channel_id]) != lead[channel_id]:
                self.forget(channel_id)

    def sweep(self) -> None:
        """Every few seconds: who has healed? Every few minutes: whose figures does nobody need any more?"""
        now = self.now()
        for channel in list(self.troubled.values()):
            channel.fade(now)
            if channel.sound:
                del self.troubled[channel.id]
        if now >= self._swept + UNUSED / 6:
            self._swept = now
            for channel in self.known():
                if channel.id in self.troubled or channel.running:
                    continue
                if all(now - key.used > UNUSED for key in channel.keys.values()):
                    self.forget(channel.id)

    def _rest(self, key: KeyHealth, state: Known, now: float) -> None:
        left, until = max(state.seconds, 0.0), key.breaker.until
        # Ours is the same rest, a moment off; a rest that has ended must not take a probe away.
        known = key.shared == state.status and (until <= now if not left else abs(until - now - left) < max(2.0, 0.15 * left))
        key.shared, key.tries = state.status, state.tries
        if not (until and known):
            key.breaker.rest(now, left, state.reason)
        self.trouble(key.channel)

    def _key(self, channel_id: int, key_id: int) -> KeyHealth:
        channel = self._channels.get(channel_id)
        if channel is None:
            channel = self._channels[channel_id] = ChannelHealth(channel_id)
        key = self._keys[channel_id, key_id] = channel.keys[key_id] = KeyHealth(key_id, channel)
        key.used = self.now()
        return key


def _leads(channel: Channel) -> object:
    """Where a channel's calls go, and as whom."""
    keys = tuple((key.id, key.secret) for key in channel.keys)
    return (channel.provider, channel.origin, channel.prefix, channel.query, channel.headers, keys)
