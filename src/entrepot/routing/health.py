"""How a channel and its keys fare, as this worker sees them."""

from array import array
from typing import Literal, TypeAlias

from entrepot.routing.breaker import Breaker
from entrepot.routing.meter import Meter

SHARE = 0.1
"""What one attempt weighs in a channel's share of failures; a break after content half of it."""
HALF_LIFE = 60.0
"""Seconds after which a failure that nothing followed counts half."""
LEAST_FACTOR = 0.05
"""Of its weight a channel keeps, however it fares: else nobody would see it mend."""
NEGLIGIBLE = 0.01
CHANNEL_REST = 2.0
"""Seconds of a first rest."""
KEY_REST = 1.0
WINDOW = 300.0
"""Seconds of figures; what is shown covers this one and the one before."""
SAMPLES = 32
"""Times to first content that are kept."""

KeyStatus: TypeAlias = Literal["enabled", "cooled", "broken"]


class Counts:
    """What happened in one window."""

    __slots__ = ("broke", "failed", "ok", "seconds", "tokens")

    def __init__(self) -> None:
        self.ok = 0
        self.failed = 0
        """Before the first content."""
        self.broke = 0
        """After it."""
        self.tokens = 0
        self.seconds = 0.0
        """That the tokens took, of streams."""


class Figures:
    """Of one key: this window, the one before, and the latest times to first content."""

    __slots__ = ("_at", "_ends", "before", "firsts", "now")

    def __init__(self) -> None:
        self.now = Counts()
        self.before = Counts()
        self.firsts = array("f")
        self._at = 0
        self._ends = 0.0

    def current(self, now: float) -> Counts:
        """The window that `now` falls into."""
        if now >= self._ends:
            self.before = self.now if now < self._ends + WINDOW else Counts()
            self.now = Counts()
            self._ends = now + WINDOW
        return self.now

    def recent(self, now: float) -> tuple[Counts, ...]:
        """Windows that still count."""
        if now >= self._ends + WINDOW:
            return ()
        return (self.now,) if now >= self._ends else (self.before, self.now)

    def first(self, seconds: float) -> None:
        """A time to first content."""
        if len(self.firsts) < SAMPLES:
            self.firsts.append(seconds)
        else:
            self.firsts[self._at] = seconds
            self._at = (self._at + 1) % SAMPLES


class ChannelHealth:
    """One channel."""

    __slots__ = ("_at", "_loss", "breaker", "breaks", "id", "keys", "meter", "running")

    def __init__(self, channel_id: int) -> None:
        self.id = channel_id
        self.breaker = Breaker(CHANNEL_REST)
        self.keys: dict[int, KeyHealth] = {}
        self.meter: Meter | None = None
        """Of a channel that has limits."""
        self.running = 0
        """Attempts that have not ended."""
        self.breaks = 0
        """Answers in a row that broke off."""
        self._loss = 0.0
        self._at = 0.0

    @property
    def sound(self) -> bool:
        """Is there nothing to be said against it?"""
        return not self._loss and not self.breaker.until and not any(key.breaker.until for key in self.keys.values())

    def ends(self, key_id: int, now: float) -> float:
        """When the rest of the channel or of this key of it ends; 0 where both may be used now."""
        key, end = self.keys.get(key_id), 0.0
        if self.breaker.rests(now):
            end = self.breaker.ends()
        if key is not None and key.breaker.rests(now):
            end = max(end, key.breaker.ends())
        return end

    def factor(self, now: float) -> float:
        """What its weight is multiplied by."""
        return max(1.0 - self._loss_at(now), LEAST_FACTOR)

    def failed(self, now: float, share: float) -> None:
        """An attempt failed, and weighs so much."""
        loss = self._loss_at(now)
        self._loss = loss + share * (1.0 - loss)
        self._at = now

    def went_well(self, now: float) -> None:
        """An attempt ended well."""
        self.breaks = 0
        if self._loss:
            self._loss = self._loss_at(now) * (1.0 - SHARE)
            self._at = now
            self.fade(now)

    def fade(self, now: float) -> None:
        """Forget failures that are long past."""
        if self._loss and self._loss_at(now) < NEGLIGIBLE:
            self._loss = 0.0

    def _loss_at(self, now: float) -> float:
        return self._loss * 0.5 ** ((now - self._at) / HALF_LIFE) if self._loss else 0.0


class KeyHealth:
    """One key of a channel."""

    __slots__ = ("breaker", "channel", "figures", "id", "shared", "tries", "used")

    def __init__(self, key_id: int, channel: ChannelHealth) -> None:
        self.id = key_id
        self.channel = channel
        self.breaker = Breaker(KEY_REST)
        self.figures = Figures()
        self.shared: KeyStatus = "enabled"
        """What the other workers know of it."""
        self.tries = 0
        self.used = 0.0
        """When it was used last."""
