"""What one worker says of its channels, and what several say together."""

from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from entrepot.kit.clock import Clock
from entrepot.routing.board import Board
from entrepot.routing.breaker import Breaker, State
from entrepot.routing.health import ChannelHealth, KeyHealth


class Rest(msgspec.Struct, frozen=True):
    """The state of a breaker."""

    state: State = "closed"
    until: float | None = None
    """Wall time in seconds at which the rest ends."""
    reason: str = ""


class Figures(msgspec.Struct, frozen=True):
    """What came of attempts in the last five to ten minutes."""

    ok: int = 0
    failed: int = 0
    """Before the first content."""
    broke: int = 0
    """After it."""
    first_p50: float | None = None
    """Median seconds from the attempt's begin to its first content, of the latest."""
    tokens: int = 0
    """Of output, in streams."""
    seconds: float = 0.0
    """That these took from their first content on."""

    @property
    def attempts(self) -> int:
        """Those that count."""
        return self.ok + self.failed + self.broke

    @property
    def success_rate(self) -> float | None:
        """0 to 1; None where there were no attempts."""
        return self.ok / self.attempts if self.attempts else None

    @property
    def tokens_per_second(self) -> float | None:
        """Of one stream; None where none was long enough to tell."""
        return self.tokens / self.seconds if self.seconds else None


class KeyReport(msgspec.Struct, frozen=True):
    """One key of a channel."""

    id: int
    rest: Rest
    figures: Figures
    tries: int = 0


class ChannelReport(msgspec.Struct, frozen=True):
    """One channel that was used."""

    id: int
    rest: Rest
    factor: float
    """What health multiplies its weight by."""
    keys: tuple[KeyReport, ...]
    running: int = 0
    """Attempts that have not ended."""


def report(board: Board, clock: Clock) -> list[ChannelReport]:
    """All channels that this worker has used."""
    shift = clock.wall() - board.now()
    return [_channel(health, board.now(), shift) for health in board.known()]


def together(figures: Sequence[Figures]) -> Figures:
    """Of several keys or workers. The median of medians, each as often as it has attempts: close enough for people."""
    firsts = [(figure.first_p50, figure.attempts) for figure in figures if figure.first_p50 is not None]
    return Figures(
        sum(figure.ok for figure in figures),
        sum(figure.failed for figure in figures),
        sum(figure.broke for figure in figures),
        _weighted(firsts),
        sum(figure.tokens for figure in figures),
        sum(figure.seconds for figure in figures),
    )


def _weighted(values: Iterable[tuple[float, int]]) -> float | None:
    ordered = sorted(values)
    half, passed = sum(weight for _, weight in ordered) / 2, 0
    for value, weight in ordered:
        passed += weight
        if passed >= half:
            return value
    return None


def _channel(health: ChannelHealth, now: float, shift: float) -> ChannelReport:
    keys = tuple(_key(key, now, shift) for key in list(health.keys.values()))
    rest, factor = _rest(health.breaker, now, shift), round(health.factor(now), 3)
    return ChannelReport(health.id, rest, factor, keys, health.running)


def _key(key: KeyHealth, now: float, shift: float) -> KeyReport:
    recent = key.figures.recent(now)
    first = median(key.figures.firsts) if key.figures.firsts else None
    figures = Figures(
        sum(counts.ok for counts in recent),
        sum(counts.failed for counts in recent),
        sum(counts.broke for counts in recent),
        None if first is None else round(first, 4),
        sum(counts.tokens for counts in recent),
        sum(counts.seconds for counts in recent),
    )
    return KeyReport(key.id, _rest(key.breaker, now, shift), figures, key.tries)


def _rest(breaker: Breaker, now: float, shift: float) -> Rest:
    state = breaker.state(now)
    return Rest(state, breaker.until + shift, breaker.reason) if state != "closed" else _CLOSED


_CLOSED = Rest()
