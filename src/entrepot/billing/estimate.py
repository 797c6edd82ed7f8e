"""What may a call cost? Made before it is sent, from the body's bytes; never a tokenizer over the prompt.

A whole answer holds its cap, or what its model can write at most. A stream holds one slice, whatever
cap it names (clients have a standing `max_tokens=32000`), and grows by slices as tokens flow.
Estimates err upwards a little; what the vendor counts in the end is what is charged.
"""

from typing import Final

import msgspec

from entrepot.billing.charge import EXACT, MAX_CHARGE, ONE_CALL, PER_UNIT, Units
from entrepot.billing.prices import Quote, Tier
from entrepot.billing.prompt import read_prompt
from entrepot.core.call import Peek
from entrepot.kit.json import Members

MOST: Final = 131_072
"""Output tokens of a choice that a model of which nothing is known may write: few write more, and none within our timeouts."""
ROOMY: Final = 4096
"""Output tokens of a choice that are enough for most answers: a cap of ours goes below it only where the balance does."""
SAFE: Final = 8192
"""A cap that nearly every model takes: many refuse one above what they can write, and of some we do not know what that is."""
SLICE: Final = 1024
"""Output tokens that a stream holds ahead of what has flowed, each choice."""
USEFUL: Final = 64
"""Output tokens of a choice below which an answer is not worth sending for (or its own cap, where that is less)."""
MAX_OUTPUT: Final = 2**31 - 1
"""What can be afforded where output costs nothing."""

_MARGIN = 16
"""Tokens that a prompt is held for beside a quarter more than was counted: roles, separators, what a vendor adds."""


class Estimate(msgspec.Struct, frozen=True, gc=False):
    """What a call may cost. Amounts in `fixed` and `each` are exact (1 / EXACT nano-USD), all others nano-USD."""

    prompt: int
    """Tokens of the prompt, with a margin: what is held for."""
    counted: int
    """Tokens of the prompt, about: what is charged for where the vendor counts nothing."""
    fixed: int
    """The prompt and what is billed by unit."""
    each: int
    """One output token at the dearest kind that this call may be answered with."""
    cap: int
    """Output tokens of all choices at most: the client's own cap, or what the model can write; 0 where nothing is written."""
    capped: bool
    """Did the client name the cap?"""
    known: bool
    """Is that cap one that the vendor takes for sure?"""
    choices: int
    stream: bool

    def cost(self, output: int) -> int:
        """Prompt, units and so many output tokens, rounded up."""
        return min(-(-(self.fixed + max(output, 0) * self.each) // EXACT), MAX_CHARGE)

    @property
    def hold(self) -> int:
        """What to reserve before the call is sent."""
        return self.ahead(0) if self.stream else self.cost(self.cap)

    @property
    def step(self) -> int:
        """What a stream's hold grows by: a slice."""
        return -(-SLICE * self.choices * self.each // EXACT)

    @property
    def minimum(self) -> int:
        """With less than this nothing is sent: 402."""
        return self.cost(min(USEFUL * self.choices, self.cap))

    def ahead(self, delivered: int) -> int:
        """What a stream should have reserved when so many output tokens (of all choices) have flowed: a slice more."""
        wanted = delivered + SLICE * self.choices
        return self.cost(max(delivered, min(wanted, self.cap)) if self.capped else wanted)

    def affordable(self, available: int) -> int:
        """The largest cap of a choice that so much pays for, at most the client's own; 0 where not even the prompt is paid."""
        left = available * EXACT - self.fixed
        if left < 0:
            return 0
        most = left // (self.each * self.choices) if self.each else MAX_OUTPUT
        return min(most, self.cap // self.choices if self.capped else MAX_OUTPUT)

    def lowered(self, available: int) -> int:
        """The cap of a choice to tell the vendor where so much is left; 0 where not even the prompt is paid.

        A client that named no cap gets half of what there is, so that other calls find some too; never little for that.
        """
        most = self.affordable(available)
        if self.capped or most <= ROOMY:
            return most
        most = max(most // 2, ROOMY)
        return most if self.known else min(most, SAFE)


def estimate(
    peek: Peek, quote: Quote, ratio_ppm: int, *, writes: bool = True, most: int | None = None, units: Units = ONE_CALL
) -> Estimate:
    """What a call may cost. `ratio_ppm` is the dearest of its groups'; `most` is what the model can write, if that is known."""
    counted = read_prompt(peek.members)
    tokens = counted.tokens + peek.added
    prompt = tokens + tokens // 4 + _MARGIN
    tier = quote.tier(prompt)
    choices = max(peek.choices, 1)
    named = peek.max_output
    cap = 0 if not writes else named if named is not None else most or MOST
    fixed = prompt * (tier.longest_read if counted.hour else tier.read) + PER_UNIT * _unit_costs(quote, units, prompt)
    return Estimate(
        prompt=prompt,
        counted=tokens,
        fixed=fixed * ratio_ppm,
        each=_output_price(tier, peek.members) * ratio_ppm if writes else 0,
        cap=cap * choices,
        capped=named is not None or not writes,
        known=named is not None or most is not None or not writes,
        choices=choices,
        stream=peek.stream,
    )


def _output_price(tier: Tier, members: Members) -> int:
    price, wanted = tier.written, members.get("modalities")
    if wanted is not None:
        if b"audio" in bytes(wanted):
            price = max(price, tier.prices["audio_output"])
        if b"image" in bytes(wanted):
            price = max(price, tier.prices["image_output"])
    return price


def _unit_costs(quote: Quote, units: Units, prompt: int) -> int:
    if not quote.units:
        return 0
    size, quality = units.size.lower(), units.quality.lower()
    counted = {"call": units.calls, "image": units.images, "second": units.seconds, "character": units.characters}
    return sum(count * quote.unit(kind, prompt, size, quality) for kind, count in counted.items() if kind in quote.units)
