"""What families of Gemini models take, by name: data, with its sources.

Sources: ai.google.dev, "Gemini thinking" (budgets up to 2.5, levels from 3; 2.5 Pro cannot be told not to think), "Thought
signatures" (required on calls from 3), "Function calling" and "Structured output" (not together before 3).
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from entrepot.core.ask import Effort
from entrepot.kit import patterns

Thinks: TypeAlias = Literal["", "budget", "level"]


class Family(msgspec.Struct, frozen=True):
    """What a model takes."""

    models: tuple[str, ...]
    thinks: Thinks = ""
    least: int = 0
    """The smallest thinking budget."""
    most: int = 24576
    signed: bool = False
    """Calls of earlier turns must carry a thought signature."""
    mixes: bool = False
    """Functions go together with JSON output and with Google's own tools."""


BUDGETS: Mapping[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
    "max": 32768,
}
"""Google's own mapping at its OpenAI-compatible endpoint."""
LEVELS: Mapping[Effort, str] = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
_PRO_LEVELS: Mapping[str, str] = {"MINIMAL": "LOW"}
FAMILIES: tuple[Family, ...] = (
    Family(("*gemini-2.5-pro*",), "budget", 128, 32768),
    Family(("*gemini-2.5-flash-lite*",), "budget", 0, 24576),
    Family(("*gemini-2.5-*image*",)),
    Family(("*gemini-2.5*",), "budget", 0, 24576),
    Family(("*gemini-2.0*", "*gemini-1*", "*gemma*", "*learnlm*")),
)
NEWEST = Family(("*",), "level", signed=True, mixes=True)


def family_of(model: str) -> Family:
    """What holds for a model; what is not in the table is newer than it."""
    return next((family for family in FAMILIES if patterns.matches_any(family.models, model)), NEWEST)


def level_of(model: str, effort: Effort) -> str:
    """The thinking level of an effort; Pro models know no minimal one."""
    level = LEVELS[effort]
    return _PRO_LEVELS.get(level, level) if "-pro" in model else level
