"""Tokens of a call, on one base for every vendor.

The kinds are disjoint: their sum is what the vendor processed. OpenAI counts cached tokens
inside the prompt, Anthropic beside it, Gemini leaves thoughts out of its candidates: each
dialect's reader normalises to this base, and nobody else may know the difference.
"""

from enum import StrEnum

import msgspec


class Basis(StrEnum):
    """Where the numbers come from."""

    VENDOR = "vendor"
    COUNTED = "counted"
    NONE = "none"


class Usage(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Token counts by kind; `input` and `output` hold what no other kind does."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    audio_input: int = 0
    image_input: int = 0
    output: int = 0
    reasoning: int = 0
    audio_output: int = 0
    image_output: int = 0
    searches: int = 0
    basis: Basis = Basis.VENDOR
    others: tuple[tuple[str, "Usage"], ...] = ()
    """What other models did for the call (an advisor, a fallback), by their names at the vendor: billed at their own prices."""

    @property
    def prompt_total(self) -> int:
        """All tokens that went in, cached ones included."""
        own = self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h + self.audio_input + self.image_input
        return own + sum(used.prompt_total for _, used in self.others) if self.others else own

    @property
    def output_total(self) -> int:
        """All tokens that came out, reasoning included."""
        own = self.output + self.reasoning + self.audio_output + self.image_output
        return own + sum(used.output_total for _, used in self.others) if self.others else own

    def kinds(self) -> dict[str, int]:
        """The kinds that are not zero, by name; those of another model as `model/kind`."""
        counts = {kind: getattr(self, kind) for kind in TOKEN_KINDS}
        named = {kind: count for kind, count in counts.items() if count}
        for model, used in self.others:
            named |= {f"{model}/{kind}": count for kind, count in used.kinds().items()}
        return named


TOKEN_KINDS = tuple(field for field in Usage.__struct_fields__ if field not in ("basis", "others"))
NOTHING = Usage(basis=Basis.NONE)
