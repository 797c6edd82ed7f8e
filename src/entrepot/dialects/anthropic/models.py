"""What families of Claude models take and refuse, by name: data, with its sources.

Sources: platform.claude.com/docs, "Extended thinking", "Adaptive thinking", "Effort", "Structured outputs"; Amazon Bedrock's
guide, "Adaptive thinking": budgets only up to 4.5 (and, deprecated, 4.6), adaptive from 4.6, nothing else from 4.7; recordings.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from entrepot.core.ask import Effort
from entrepot.kit import patterns

Thinks: TypeAlias = Literal["", "budget", "adaptive"]


class Family(msgspec.Struct, frozen=True):
    """What a model takes."""

    models: tuple[str, ...]
    thinks: Thinks = ""
    efforts: tuple[Effort, ...] = ()
    """Of `output_config.effort`; () where the field is unknown."""
    samples: bool = True
    """temperature, top_p and top_k are taken."""
    formats: bool = False
    """`output_config.format` is taken."""
    max_output: int = 8192
    """For a request that names no cap."""


_EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")
_MOST: tuple[Effort, ...] = (*_EFFORTS, "max")
_ALL: tuple[Effort, ...] = (*_EFFORTS, "xhigh", "max")
FAMILIES: tuple[Family, ...] = (
    Family(("*claude-3-7-*",), "budget", max_output=32000),
    Family(("*claude-3-*", "*claude-2*", "*claude-instant*"), max_output=4096),
    Family(("*opus-4-6*", "*opus-4.6*", "*sonnet-4-6*", "*sonnet-4.6*"), "adaptive", _MOST, formats=True, max_output=32000),
    Family(("*opus-4-5*", "*opus-4.5*"), "budget", _EFFORTS, formats=True, max_output=32000),
    Family(("*-4-5*", "*-4.5*"), "budget", formats=True, max_output=32000),
    Family(("*-4-1*", "*-4.1*", "*-4-0*", "*opus-4-2*", "*sonnet-4-2*", "*opus-4", "*sonnet-4"), "budget", max_output=32000),
)
NEWEST = Family(("*",), "adaptive", _ALL, samples=False, formats=True, max_output=32000)
"""Everything that is not in the table is newer than it."""


def family_of(model: str, families: Sequence[Family] = FAMILIES) -> Family:
    """What holds for a model; a name that is no Claude's (a vendor that imitates the format) takes budgets and knobs."""
    found = next((family for family in families if patterns.matches_any(family.models, model)), None)
    if found is not None:
        return found
    return NEWEST if "claude" in model else Family(("*",), "budget")
