"""Name patterns with `*`, as operators write them for models: `gpt-4o*`, `gpt-4-gizmo-*`, `*`.

Only `*` is special (a model name may hold `?` or brackets). Matching is on the whole name,
case kept. The most specific pattern wins: an exact name, else the longest literal text.
"""

import re
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.DOTALL)


def matches(pattern: str, name: str) -> bool:
    """Does the whole name fit the pattern?"""
    if "*" not in pattern:
        return pattern == name
    return _compiled(pattern).fullmatch(name) is not None


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Does the name fit one of the patterns?"""
    return any(matches(pattern, name) for pattern in patterns)


def best(patterns: Iterable[str], name: str) -> str | None:
    """The most specific pattern that fits, or None."""
    fitting = [pattern for pattern in patterns if matches(pattern, name)]
    return max(fitting, key=specificity, default=None)


def specificity(pattern: str) -> tuple[bool, int]:
    """Order of patterns: exact names above wildcards, then by the length of literal text."""
    return ("*" not in pattern, len(pattern) - pattern.count("*"))
