"""What OpenAI's own families of reasoning models take and refuse, by name: data, with its source.

Source: OpenAI's reference of `reasoning_effort` (none only from gpt-5.1, minimal only in gpt-5, xhigh from gpt-5.2), and
its guide "Reasoning models": no temperature, top_p, penalties, logprobs, logit_bias; `max_completion_tokens` for the cap.
"""

from collections.abc import Sequence

import msgspec

from entrepot.core.ask import Effort

ORDER: tuple[Effort, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


class Reasoner(msgspec.Struct, frozen=True):
    """One family."""

    models: tuple[str, ...]
    efforts: tuple[Effort, ...]


REASONERS: tuple[Reasoner, ...] = (
    Reasoner(("gpt-5.1*", "gpt-5.1-*"), ("none", "low", "medium", "high")),
    Reasoner(("gpt-5-chat*", "gpt-5.*-chat*"), ("medium",)),
    Reasoner(("gpt-5.*",), ("none", "low", "medium", "high", "xhigh")),
    Reasoner(("gpt-5*",), ("minimal", "low", "medium", "high")),
    Reasoner(("o1*", "o3*", "o4*"), ("low", "medium", "high")),
)


def nearest_effort(wanted: Effort, known: Sequence[Effort]) -> Effort:
    """The effort closest to what is wanted; of two as close the lower."""
    place = ORDER.index(wanted)
    return min(known, key=lambda effort: (abs(ORDER.index(effort) - place), ORDER.index(effort)))


def effort_of(budget: int | None) -> Effort | None:
    """The effort that a budget of thinking tokens is worth (Google's own mapping: low 1k, medium 8k, high 24k)."""
    if budget is None or budget < 0:
        return None
    if budget == 0:
        return "none"
    return "low" if budget <= 2048 else "medium" if budget <= 12288 else "high"
