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

    @property
    def prompt_total(self) -> int:
        """All tokens that went in, cached ones included."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h + self.audio_input + self.image_input

    @property
    def output_total(self) -> int:
        """All tokens that came out, reasoning included."""
        return self.output + self.reasoning + self.audio_output + self.image_output

    def kinds(self) -> dict[str, int]:
        """The kinds that are not zero, by name."""
        counts = {kind: getattr(self, kind) for kind in TOKEN_KINDS}
        return {kind: count for kind, count in counts.items() if count}


TOKEN_KINDS = tuple(field for field in Usage.__struct_fields__ if field != "basis")
NOTHING = Usage(basis=Basis.NONE)
