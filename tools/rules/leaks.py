"""Nothing of the machine on which a change was made ends up in the project."""

import re
from collections.abc import Iterator

from tools.rules.project import Finding, Project

_REGISTRY = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|registry\.npmjs\.org|npmmirror\.com|tuna\.tsinghua|pypi\.python)")
_HOME = re.compile(r"(?<![\w.:/])/(?:work|root|Users|home/[a-z]+)/[\w.]")
_SCRATCH = re.compile(r"(?<![\w.:/])/(?:tmp)/")
_HOST = re.compile(r"://|\b(?:\d{1,3}\.){3}\d{1,3}:\d+|--index-url|--find-links|--extra-index-url")


def machine_paths(project: Project) -> Iterator[Finding]:
    """Prevents: the service that starts on its author's machine only."""
    for name, text in project.texts():
        yield from _hits(name, text, _HOME, "a path of one machine")
    for name, text in project.texts("src/", "docs/"):
        yield from _hits(
            name, text, _SCRATCH, "a fixed scratch path: two processes meet in it, and anybody may have made it first"
        )


def registry_hosts(project: Project) -> Iterator[Finding]:
    """Prevents: an install that goes to one registry although the operator configured a mirror of their own."""
    for name, text in project.texts():
        yield from _hits(name, text, _REGISTRY, "a registry's host: pip's own configuration says where packages come from")


def locks_name_no_host(project: Project) -> Iterator[Finding]:
    """Prevents: a lock that installs from where it was made, and from nowhere else; and one without hashes."""
    for name, text in project.texts("requirements"):
        if name.endswith(".lock"):
            yield from _hits(name, text, _HOST, "a lock names a host or an index")
            pins = re.findall(r"^[a-z0-9][^\n]*==(?:[^\n]*\\\n)+[^\n]*", text, re.MULTILINE | re.IGNORECASE)
            for pin in pins:
                if "--hash=sha256:" not in pin:
                    yield Finding(name, 1, "leak", f"no hash: {pin.splitlines()[0]}")
            if len(pins) != len(re.findall(r"^[a-z0-9]", text, re.MULTILINE | re.IGNORECASE)):
                yield Finding(name, 1, "leak", "a line that is not a pinned package with hashes")


def _hits(name: str, text: str, pattern: re.Pattern[str], message: str) -> Iterator[Finding]:
    for match in pattern.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield Finding(name, line, "leak", f"{message}: {match.group()}", match.group())
