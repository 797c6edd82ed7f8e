"""What does a call cost? Integers only: the sum is exact, and rounded once, half up.

Prices are nano-USD per 1 M tokens or per unit, the group's ratio is parts per million; everything
is added up in units of 1e-12 nano-USD before the one rounding. The order of the counts, and
whether they came in a stream or at once, cannot matter.
"""

from collections.abc import Iterator
from operator import mul
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import astuple

from entrepot.billing.prices import Quote
from entrepot.core.money import PPM
from entrepot.core.usage import Usage
from entrepot.snapshot.prices import TOKENS

EXACT: Final = PPM * PPM
"""Exact amounts are multiples of 1 / EXACT nano-USD: a millionth for "per 1 M tokens", another for the ratio."""
PER_UNIT: Final = PPM
"""A unit's price counts as so many tokens' prices do."""
MAX_CHARGE: Final = 10**15
"""nano-USD (1 M USD). No call costs more: a count that says so is a defect at the vendor, and sums must fit 64 bits."""


class Units(msgspec.Struct, frozen=True, gc=False):
    """What is billed beside tokens and searches. Whole numbers: a part of a second is a second."""

    calls: int = 1
    images: int = 0
    seconds: int = 0
    characters: int = 0
    size: str = ""
    quality: str = ""


ONE_CALL: Final = Units()


class Line(msgspec.Struct, frozen=True, gc=False):
    """One kind on the bill."""

    kind: str
    count: int
    nano: int
    """nano-USD per 1 M tokens or per unit, before the ratio."""
    amount: int
    """nano-USD after the ratio; the lines' amounts add up to the charge."""


class Charge(msgspec.Struct, frozen=True):
    """A bill."""

    total: int
    """nano-USD."""
    lines: tuple[Line, ...]
    ratio_ppm: int
    prompt_over: int
    """The tier that held."""
    book: str
    """Version of the price book."""

    def prices(self) -> dict[str, int]:
        """The unit prices that held, by kind: what a usage row keeps."""
        return {line.kind: line.nano for line in self.lines}

    def counts(self) -> dict[str, int]:
        """What was counted, by kind."""
        return {line.kind: line.count for line in self.lines}


class _Part(NamedTuple):
    kind: str
    number: int
    nano: int
    scale: int


def cost(usage: Usage, quote: Quote, ratio_ppm: int, units: Units = ONE_CALL) -> int:
    """nano-USD for what was used: `charge(…).total`, without the lines."""
    counts = astuple(usage)[: len(TOKENS)]
    if quote.units or usage.others or min(counts) < 0:
        return rounded(exact(usage, quote, ratio_ppm, units))
    # Most calls, so in one go: TOKENS are the first of a usage's fields, in their order.
    return rounded(ratio_ppm * sum(map(mul, counts, quote.tier(usage.prompt_total).nano)))


def further_prices(usage: Usage, quote: Quote) -> dict[str, int]:
    """nano-USD for each of the units that were used, and per 1 M of other models' tokens."""
    return {part.kind: part.nano for part in _parts(usage, quote, ONE_CALL) if part.scale == PER_UNIT or "/" in part.kind}


def charge(usage: Usage, quote: Quote, ratio_ppm: int, units: Units = ONE_CALL) -> Charge:
    """The bill for what was used: a line for each kind that was counted and has a price or is a kind of token."""
    lines: list[Line] = []
    running = before = 0
    for part in _parts(usage, quote, units):
        running += part.number * part.nano * part.scale * ratio_ppm
        after = rounded(running)
        # What each line adds to the rounded sum: so that the lines add up.
        lines.append(Line(part.kind, part.number, part.nano, after - before))
        before = after
    return Charge(before, tuple(lines), ratio_ppm, quote.tier(own(usage).prompt_total).prompt_over, quote.book)


def exact(usage: Usage, quote: Quote, ratio_ppm: int, units: Units = ONE_CALL) -> int:
    """The cost before rounding, in 1 / EXACT nano-USD."""
    return ratio_ppm * sum(count * nano * scale for _, count, nano, scale in _parts(usage, quote, units))


def rounded(amount: int) -> int:
    """An exact amount in nano-USD: rounded half up, never more than MAX_CHARGE."""
    return min((2 * amount + EXACT) // (2 * EXACT), MAX_CHARGE)


def own(usage: Usage) -> Usage:
    """Without other models' part: the length of a prompt is that of one model."""
    return msgspec.structs.replace(usage, others=()) if usage.others else usage


def _parts(usage: Usage, quote: Quote, units: Units) -> Iterator[_Part]:
    prompt = own(usage).prompt_total
    for kind, nano in zip(TOKENS, quote.tier(prompt).nano, strict=True):
        count: int = getattr(usage, kind)
        if count > 0:
            yield _Part(kind, count, nano, 1)
    if quote.units:
        size, quality = units.size.lower(), units.quality.lower()
        for kind, count in _counted(usage, units):
            if count > 0 and kind in quote.units:
                yield _Part(kind, count, quote.unit(kind, prompt, size, quality), PER_UNIT)
    if usage.others:
        yield from _others(usage, quote)


def _others(usage: Usage, quote: Quote) -> Iterator[_Part]:
    for model, used in usage.others:
        tier = quote.others.get(model, quote).tier(used.prompt_total)
        counts = {kind: getattr(used, kind) for kind in TOKENS}
        yield from (_Part(f"{model}/{kind}", count, tier.prices[kind], 1) for kind, count in counts.items() if count > 0)


def _counted(usage: Usage, units: Units) -> tuple[tuple[str, int], ...]:
    return (
        ("call", units.calls),
        ("image", units.images),
        ("second", units.seconds),
        ("character", units.characters),
        ("search", usage.searches),
    )
