"""The head of one HTTP message as it stood on the wire: searched when asked, never taken apart.

A head has a dozen lines, and we read a few of them: one pass that finds these in the text costs a third of making
pairs of all. The text must have been through llhttp, which lets no bare line end, no folded line and
no space before a colon pass; so a header is what follows a line end, its name and a colon.
"""

import re
from typing import Final


class Names:
    """Names of headers that will be asked for, in lower case."""

    __slots__ = ("all", "find")

    def __init__(self, *names: bytes) -> None:
        self.all = frozenset(names)
        self.find = re.compile(rb"\r\n(" + b"|".join(map(re.escape, names)) + rb"):[ \t]*([^\r]*)", re.IGNORECASE).findall
        """All lines with such a name, as pairs."""


class HeadText:
    """Start line and headers, up to and with the empty line. Names are asked for in lower case.

    The `names` are found at once; others may be asked for too, at the price of a search.
    """

    __slots__ = ("_found", "_lower", "_names", "text")

    def __init__(self, text: bytes, names: Names) -> None:
        self.text = text
        self._names = names
        self._lower = b""
        self._found: list[tuple[bytes, bytes]] = [(name.lower(), value) for name, value in names.find(text)]

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, without the spaces around it."""
        for found, value in self._found:
            if found == name:
                return value.rstrip(b" \t")
        return None if name in self._names.all else next(iter(self._searched(name)), None)

    def has(self, names: frozenset[bytes]) -> bool:
        """Is there a line with one of these names? They must be among those that are found at once."""
        for found, _ in self._found:  # noqa: SIM110  a generator costs more, with every call
            if found in names:
                return True
        return False

    def count(self, name: bytes) -> int:
        """How many lines have this name."""
        return len(self.all(name))

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        if name in self._names.all:
            return [value.rstrip(b" \t") for found, value in self._found if found == name]
        return self._searched(name)

    def _searched(self, name: bytes) -> list[bytes]:
        lower = self._lower = self._lower or self.text.lower()
        key = b"\r\n" + name + b":"
        values: list[bytes] = []
        at = lower.find(key)
        while at >= 0:
            end = lower.find(b"\r\n", at + 2)
            values.append(self.text[at + len(key) : end].strip(b" \t"))
            at = lower.find(key, end)
        return values

    @property
    def lines(self) -> int:
        """How many headers there are."""
        return max(self.text.count(b"\r\n") - 2, 0)

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """All headers, names in lower case."""
        lines = self.text.split(b"\r\n")[1:]
        split = (line.partition(b":") for line in lines if line)
        return [(name.lower(), value.strip(b" \t")) for name, _, value in split]


NO_HEAD: Final = HeadText(b"", Names(b"-"))
"""In the place of a head that nobody needs any more."""
