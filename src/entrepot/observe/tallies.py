"""What is counted about calls and money, as plain numbers that add up: over calls, and over workers.

Every label is bounded: operations, outcomes and faults are ours, channels are the operator's,
and a model gets a name of its own only where the operator lists it, or once a channel has answered for it.
"""

from bisect import bisect_left
from collections.abc import Callable
from operator import add
from typing import Final

import msgspec

from entrepot.buckets.figures import Figures
from entrepot.core.record import Record
from entrepot.core.usage import NOTHING, TOKEN_KINDS, Usage

BOUNDS: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""Upper bounds of the histograms' buckets, in seconds; a last one holds the rest."""
OTHER: Final = "other"
MAX_MODELS = 256
"""Model names that are told apart in one worker."""
MAX_SERIES = 2000
"""Combinations of labels that are told apart in one worker."""
_STATUS = ("0xx", "1xx", "2xx", "3xx", "4xx", "5xx")

SeriesKey = tuple[str, str, str]
"""Operation, model, channel."""
OutcomeKey = tuple[str, str, str, str, str, str]
"""Operation, model, channel, status class, outcome, fault (empty where there is none)."""
AttemptKey = tuple[str, str]
"""Channel, fault (empty where there is none)."""


class Series(msgspec.Struct, array_like=True, gc=False):
    """Distributions and sums of one operation, model and channel. Seconds and bytes."""

    total: list[int]
    first: list[int]
    """Time to the first content, for calls that had any."""
    tokens: list[int]
    """In the order of TOKEN_KINDS."""
    total_sum: float = 0.0
    first_sum: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    waived: int = 0
    """nano-USD."""

    def add(self, other: "Series") -> None:
        """Add another worker's numbers."""
        self.total = _sums(self.total, other.total)
        self.first = _sums(self.first, other.first)
        self.tokens = _sums(self.tokens, other.tokens)
        self.total_sum += other.total_sum
        self.first_sum += other.first_sum
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.waived += other.waived


class Tallies(msgspec.Struct):
    """All counts of one worker, or of several added up."""

    calls: dict[OutcomeKey, int] = {}
    attempts: dict[AttemptKey, int] = {}
    series: dict[SeriesKey, Series] = {}
    money: Figures = msgspec.field(default_factory=Figures)

    def add(self, other: "Tallies") -> None:
        """Add another worker's numbers."""
        for outcome, count in other.calls.items():
            self.calls[outcome] = self.calls.get(outcome, 0) + count
        for attempt, count in other.attempts.items():
            self.attempts[attempt] = self.attempts.get(attempt, 0) + count
        for key, series in other.series.items():
            if key not in self.series:
                self.series[key] = empty_series()
            self.series[key].add(series)
        self.money.add(other.money)


class Counter:
    """Counts finished calls into tallies. This runs once a call, on the event loop."""

    __slots__ = ("_models", "_serves", "tallies")

    def __init__(self, tallies: Tallies, serves: Callable[[str], bool] | None = None) -> None:
        """`serves`: does the operator list a model by this very name?"""
        self.tallies = tallies
        self._models = {model for _, model, _ in tallies.series}
        self._serves = serves

    def count(self, record: Record) -> None:
        """Add a finished call."""
        tallies = self.tallies
        model = record.model
        if model not in self._models:
            model = self._label(record)
        channel = record.channel or ""
        key = (record.operation, model, channel)
        series = tallies.series.get(key)
        if series is None:
            key, series = self._new_series(key)
            _, model, channel = key
        _measure(series, record)
        status = _STATUS[record.status // 100] if 0 <= record.status < 600 else "0xx"
        outcome = (record.operation, model, channel, status, record.outcome, record.fault or "")
        tallies.calls[outcome] = tallies.calls.get(outcome, 0) + 1
        for attempt in record.attempts:
            tried = (attempt.channel, attempt.fault or "")
            tallies.attempts[tried] = tallies.attempts.get(tried, 0) + 1

    def _label(self, record: Record) -> str:
        """The model's own name from its first answer on, or because the operator lists it.

        Clients may write anything, and wildcards route it: what only a wildcard serves must have been answered once.
        """
        if len(self._models) >= MAX_MODELS or len(record.model) > 100:
            return OTHER
        answered = record.channel is not None and record.outcome == "ok"
        if not answered and (self._serves is None or not self._serves(record.model)):
            return OTHER
        self._models.add(record.model)
        return record.model

    def _new_series(self, key: SeriesKey) -> tuple[SeriesKey, Series]:
        tallies = self.tallies
        if len(tallies.series) >= MAX_SERIES:
            key = (key[0], OTHER, OTHER)
        if key not in tallies.series:
            tallies.series[key] = empty_series()
        return key, tallies.series[key]


def empty_series() -> Series:
    """A series that has counted nothing."""
    return Series([0] * (len(BOUNDS) + 1), [0] * (len(BOUNDS) + 1), [0] * len(TOKEN_KINDS))


def _measure(series: Series, record: Record) -> None:
    seconds = record.total_ms / 1000
    series.total[bisect_left(BOUNDS, seconds)] += 1
    series.total_sum += seconds
    if record.ttft_ms is not None:
        seconds = record.ttft_ms / 1000
        series.first[bisect_left(BOUNDS, seconds)] += 1
        series.first_sum += seconds
    series.bytes_in += record.bytes_in
    series.bytes_out += record.bytes_out
    if record.waived:
        series.waived += record.waived
    if record.usage is not NOTHING:
        _add_tokens(series.tokens, record.usage)


def _add_tokens(tokens: list[int], usage: Usage) -> None:
    tokens[:] = map(add, tokens, msgspec.structs.astuple(usage))  # the kinds come first, and there are as many as tokens


def _sums(mine: list[int], theirs: list[int]) -> list[int]:
    return [one + other for one, other in zip(mine, theirs, strict=True)]
