"""Boards for tests: attempts that end as asked, on a clock of their own."""

import random

from entrepot.core.faults import Fault, Kind
from entrepot.core.http import Origin
from entrepot.core.route import Route
from entrepot.core.usage import Usage
from entrepot.kit.clock import ManualClock
from entrepot.routing.board import Board

VENDOR = Origin("https", "vendor.example", 443)


def route(channel: int = 1, key: int = 10) -> Route:
    return Route(channel, f"c{channel}", "compatible", "default", 1_000_000, "m", VENDOR, "", "", key, "sk-x")


class BoardUnderTest:
    """A board, and its time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.board = Board(self.clock, random.Random(1))

    def fails(self, channel: int = 1, key: int = 10, kind: Kind = Kind.VENDOR_ERROR, wait: float | None = None) -> None:
        trial = self.board.begin(route(channel, key))
        trial.fault = Fault(kind, retry_after=wait)
        trial.end(self.board.now())

    def answers(self, channel: int = 1, key: int = 10, *, first: float = 0.2, tokens: int = 100, took: float = 2.0) -> None:
        trial = self.board.begin(route(channel, key))
        self.clock.advance(first)
        trial.content(self.board.now())
        self.clock.advance(took)
        trial.answered = True
        trial.end(self.board.now(), Usage(output=tokens))
