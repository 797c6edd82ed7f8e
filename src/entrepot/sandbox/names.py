"""Model names: which character answers, how long and how fast, and which faults are asked for.

`[sandbox/]CHARACTER[:TOKENS][@PACE][!FAULT[=VALUE]]…`, for example `sandbox/story:2000@50!cut=100`.
"""

import re
from functools import lru_cache

import msgspec

PREFIX = "sandbox/"
CHAT = ("echo", "story", "tools", "json", "think", "audio")
WRITERS = ("echo", "story", "tools", "json", "think")
"""Those that speak Anthropic's dialect too."""
CHARACTERS = (*CHAT, "embed", "moderate")
MAX_TOKENS = 1_000_000
MAX_PACE = 100_000.0

_TAIL = re.compile(r"(\w+)(?::(\d{1,9}))?(?:@(\d{1,9}(?:\.\d{1,3})?))?")


class Name(msgspec.Struct, frozen=True):
    """A model name, read."""

    asked: str
    """As the client wrote it; answers name it so."""
    character: str
    tokens: int | None = None
    pace: float | None = None
    """Tokens a second."""
    faults: str = ""
    """The part after the first `!`."""


@lru_cache(maxsize=1024)
def read(asked: str) -> Name | None:
    """The name's parts, or None where no such model exists."""
    plain, _, faults = asked.removeprefix(PREFIX).partition("!")
    match = _TAIL.fullmatch(plain)
    if match is None or match[1] not in CHARACTERS:
        return None
    tokens = min(int(match[2]), MAX_TOKENS) if match[2] else None
    pace = min(float(match[3]), MAX_PACE) if match[3] else None
    return Name(asked, match[1], tokens, pace, faults)
