"""What a chat model answers, event by event, in words that no wire format owns.

A whole answer is a short stream: its reader gives the same events at once, its writer folds them
(core/fold.py). The vocabulary has a budget of twelve events. `choice` counts the alternatives of
one answer (`n`), from 0.
"""

from typing import Literal, TypeAlias

import msgspec

from entrepot.core.ask import Citation, Media, Native, Proof
from entrepot.core.faults import Fault
from entrepot.core.usage import Usage

Reason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "pause"]
"""Why the model stopped. It is computed from content where a vendor does not tell calls from stops (Gemini);
`pause`: a vendor's own tool loop rests, and wants the turn sent back (Anthropic's pause_turn)."""


class Begin(msgspec.Struct, frozen=True, gc=False):
    """The answer begins. No content yet."""

    id: str = ""
    model: str = ""
    """As the vendor calls it."""
    created: int = 0
    """Seconds since 1970 UTC, 0 where the vendor does not say."""
    usage: Usage | None = None
    """What went in, where the vendor says so at once."""


class Delta(msgspec.Struct, frozen=True, gc=False):
    """More words: of the answer, of the reasoning, of a refusal."""

    kind: Literal["text", "thinking", "refusal"]
    text: str
    choice: int = 0


class Proved(msgspec.Struct, frozen=True, gc=False):
    """The proof of what came just before: ends the thinking block, or belongs to a call or to text.

    A thinking proof without words before it is hidden reasoning (redacted, encrypted).
    """

    of: Literal["thinking", "call", "text"]
    proof: Proof
    index: int = 0
    """Of the call, where it is a call's."""
    choice: int = 0


class CallBegin(msgspec.Struct, frozen=True, gc=False):
    """The model calls a tool. `index` counts the calls of one choice from 0, in the order in which they began."""

    index: int
    id: str
    name: str
    custom: bool = False
    choice: int = 0


class CallDelta(msgspec.Struct, frozen=True, gc=False):
    """More of a call's arguments. Their sum is JSON of an object (never empty), or free text for a custom tool."""

    index: int
    text: str
    choice: int = 0


class Produced(msgspec.Struct, frozen=True, gc=False):
    """A picture or sound that the model made."""

    media: Media
    choice: int = 0


class Cited(msgspec.Struct, frozen=True, gc=False):
    """Where text comes from that has been said."""

    citation: Citation
    choice: int = 0


class Score(msgspec.Struct, frozen=True, gc=False):
    """One token and how likely it was."""

    token: str
    logprob: float
    top: "tuple[Score, ...]" = ()


class Scored(msgspec.Struct, frozen=True, gc=False):
    """Log probabilities of the text since the last ones."""

    scores: tuple[Score, ...]
    choice: int = 0


class Held(msgspec.Struct, frozen=True, gc=False):
    """A block that only the vendor's dialect has (server tools and their results)."""

    native: Native
    choice: int = 0


class Finish(msgspec.Struct, frozen=True, gc=False):
    """A choice is complete."""

    reason: Reason
    stop: str | None = None
    """The stop sequence that was met, where the vendor says which."""
    choice: int = 0


class Counted(msgspec.Struct, frozen=True, gc=False):
    """The vendor's count of the whole call so far; the last one holds."""

    usage: Usage


class Failed(msgspec.Struct, frozen=True, gc=False):
    """The vendor reports an error in the middle."""

    fault: Fault


Event: TypeAlias = Begin | Delta | Proved | CallBegin | CallDelta | Produced | Cited | Scored | Held | Finish | Counted | Failed
