"""The snapshot: groups, channels and models as they hold at one moment. Immutable, swapped as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias, TypeVar

import msgspec

from entrepot.core.call import Affinity, RateLimits
from entrepot.core.http import Headers, Origin, Timeouts
from entrepot.core.route import Disconnect
from entrepot.kit import patterns
from entrepot.kit.breath import in_breaths
from entrepot.kit.json import Members
from entrepot.snapshot.index import Index
from entrepot.snapshot.prices import NO_PRICES, PriceTable

AFFINITY: Affinity = "session"
"""Where neither model nor group says anything: who names a session wants its cache, all others want the weights."""


class Group(msgspec.Struct, frozen=True, gc=False):
    """Who pays how much: a multiplier on prices, and a set of channels."""

    id: int
    name: str
    ratio_ppm: int = 1_000_000
    description: str = ""
    public: bool = True
    limits: RateLimits | None = None
    disconnect: Disconnect | None = None
    """Goes before the models' own policies; None: each model's own."""
    free_interrupted: bool = False
    """Answers that broke off through no doing of the client cost nothing."""
    affinity: Affinity | None = None


class ChannelKey(msgspec.Struct, frozen=True, gc=False):
    """One of a channel's secrets at the vendor."""

    id: int
    """Row in `channel_keys`; 0 where the channel needs none or the secret is our own."""
    secret: str
    status: str = "enabled"


class Channel(msgspec.Struct, frozen=True, gc=False):
    """One way to a vendor."""

    id: int
    name: str
    provider: str
    origin: Origin
    prefix: str = ""
    """Path of the base URL, no slash at its end."""
    query: str = ""
    api: str = ""
    models: tuple[str, ...] = ()
    """Patterns of public names that the channel serves, beside the keys of `model_map`."""
    model_map: Mapping[str, str] = MappingProxyType({})
    """Public name to the vendor's name."""
    groups: tuple[str, ...] = ("default",)
    priority: int = 0
    """Higher tiers are tried first."""
    weight: int = 1
    headers: Headers = ()
    overrides: Members = {}
    timeouts: Timeouts = Timeouts()
    max_connections: int = 1024
    limits: RateLimits | None = None
    """What the vendor allows this account; all workers share it."""
    keys: tuple[ChannelKey, ...] = ()
    """At least one, the disabled ones included; a vendor without keys has one with an empty secret."""


class Model(msgspec.Struct, frozen=True, gc=False):
    """What is known of a model, or of all that fit a wildcard."""

    name: str
    """Exact, or a pattern."""
    id: int = 0
    description: str = ""
    owner: str = ""
    created: int = 0
    """Seconds since 1970 UTC."""
    disconnect: Disconnect = "cancel"
    timeouts: Mapping[str, float | None] = MappingProxyType({})
    """The fields of Timeouts that this model sets otherwise."""
    limits: RateLimits | None = None
    """For all calls of all models that this row is about, together."""
    affinity: Affinity | None = None
    """What is set here goes before the group's."""
    max_output: int | None = None
    """Output tokens that it can write in one answer; None: as the start catalogue says, where it knows the model."""


Tiers: TypeAlias = tuple[tuple[Channel, ...], ...]
K = TypeVar("K")
V = TypeVar("V")
_MEMO_SIZE = 8192
_MEMO_NAME = 256
"""Longer names are never remembered: nobody calls a model that, and a stranger could fill the memory."""


class Snapshot:
    """All tables of one moment. Fields are never assigned again; look-ups remember their results.

    version: number of the last change that is in it.
    groups: by name.
    channels: the enabled ones.
    models: rows about models, patterns included.
    prices: rows by model, for billing's price book.
    """

    __slots__ = ("_about", "_index", "_memo", "_wildcards", "channels", "groups", "models", "prices", "version")

    def __init__(
        self,
        version: int,
        groups: Mapping[str, Group],
        channels: Iterable[Channel] = (),
        models: Iterable[Model] = (),
        prices: PriceTable = NO_PRICES,
    ) -> None:
        self.version = version
        self.prices = prices
        self.groups: Mapping[str, Group] = MappingProxyType(dict(groups))
        self.channels: tuple[Channel, ...] = tuple(channels)
        self.models: Mapping[str, Model] = MappingProxyType({model.name: model for model in models})
        self._index: Index[Channel] = Index()
        for channel in in_breaths(self.channels):  # thousands are made in a thread
            served = (*channel.models, *channel.model_map)
            for group in channel.groups:
                if group in self.groups:
                    self._index.add(group, served, channel)
        self._wildcards = tuple(name for name in self.models if "*" in name)
        self._memo: dict[tuple[str, str], Tiers] = {}
        self._about: dict[str, Model] = {}

    def tiers(self, group: str, model: str) -> Tiers:
        """Channels that serve the model for the group, highest priority first; () where none does."""
        found = self._memo.get((group, model))
        if found is None:
            found = _by_priority(self._index.find(group, model))
            _remember(self._memo, (group, model), found, len(model))
        return found

    def knows(self, model: str) -> bool:
        """Does any group have a channel for it?"""
        return any(self.tiers(group, model) for group in self._index.groups)

    def about(self, model: str) -> Model:
        """What is known of a model: its own row, else the most specific pattern, else nothing but the name."""
        found = self.models.get(model) or self._about.get(model)
        if found is None:
            pattern = patterns.best(self._wildcards, model)
            found = Model(model) if pattern is None else msgspec.structs.replace(self.models[pattern], name=model)
            _remember(self._about, model, found, len(model))
        return found

    def affinity(self, groups: Sequence[str], model: str) -> Affinity:
        """What keeps calls for the model on one channel: the model says, else the first of the groups that does."""
        said = self.about(model).affinity
        for name in groups:
            said = said or (self.groups[name].affinity if name in self.groups else None)
        return said or AFFINITY

    def timeouts(self, channel: Channel, model: str) -> Timeouts:
        """The channel's timeouts with what the model sets otherwise."""
        own = self.about(model).timeouts
        return msgspec.structs.replace(channel.timeouts, **own) if own else channel.timeouts

    def listed(self, groups: Sequence[str], allowed: Sequence[str] = ()) -> list[Model]:
        """What `/v1/models` shows, by name: exact names of the groups' channels, and known models that
        a channel's wildcard serves. `allowed` are the key's patterns; empty means all.
        """
        names = {name for group in groups for name in self._index.exact_names(group)}
        known = (name for name in self.models if "*" not in name and name not in names)
        names.update(name for name in known if any(self.tiers(group, name) for group in groups))
        return [self.about(name) for name in sorted(names) if not allowed or patterns.matches_any(allowed, name)]


def _remember(memo: dict[K, V], key: K, value: V, length: int) -> None:
    if length <= _MEMO_NAME:
        if len(memo) >= _MEMO_SIZE:
            memo.clear()
        memo[key] = value


def _by_priority(channels: Iterable[Channel]) -> Tiers:
    by_priority: dict[int, list[Channel]] = {}
    for channel in channels:
        by_priority.setdefault(channel.priority, []).append(channel)
    return tuple(tuple(by_priority[priority]) for priority in sorted(by_priority, reverse=True))


EMPTY_GROUPS: Mapping[str, Group] = MappingProxyType({})
EMPTY = Snapshot(0, EMPTY_GROUPS)
"""Before the first load."""
