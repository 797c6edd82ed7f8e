"""Name patterns with `*`, as operators write them for models: `gpt-4o*`, `gpt-4-gizmo-*`, `*`.

Only `*` is special (a model name may hold `?` or brackets). Matching is on the whole name,
case kept. The most specific pattern wins: an exact name, else the longest literal text.
"""

from collections.abc import Iterable


def matches(pattern: str, name: str) -> bool:
    """Does the whole name fit the pattern?

    Linear in the name's length: a regular expression would go through all ways to share a long
    name among several `*`, and names come from clients.
    """
    if "*" not in pattern:
        return pattern == name
    first, *middle, last = pattern.split("*")
    at, end = len(first), len(name) - len(last)
    if at > end or not (name.startswith(first) and name.endswith(last)):
        return False
    for part in middle:
        at = name.find(part, at, end)
        if at == -1:
            return False
        at += len(part)
    return True


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
