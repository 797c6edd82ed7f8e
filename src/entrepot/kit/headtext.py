"""The head of one HTTP message as it stood on the wire: searched when asked, never taken apart.

A head has a dozen lines, and we read three of them: finding these in the text costs a fraction of making
pairs of all. The text must have been through llhttp, which lets no bare line end, no folded line and
no space before a colon pass; so a header is what follows a line end, its name and a colon.
"""


class HeadText:
    """Start line and headers, up to and with the empty line. Names are asked for in lower case."""

    __slots__ = ("_lower", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self._lower = text.lower()

    def get(self, name: bytes) -> bytes | None:
        """The first value of a header, without the spaces around it."""
        at = self._lower.find(b"\r\n" + name + b":")
        if at < 0:
            return None
        start = at + len(name) + 3
        return self.text[start : self.text.find(b"\r\n", start)].strip(b" \t")

    def mentions(self, word: bytes) -> bool:
        """Does the word (lower case) stand anywhere? Cheaper than to ask for several names."""
        return word in self._lower

    def count(self, name: bytes) -> int:
        """How many lines have this name."""
        return self._lower.count(b"\r\n" + name + b":")

    def all(self, name: bytes) -> list[bytes]:
        """Every value of a header, in order."""
        return [value for found, value in self.pairs() if found == name] if self.count(name) else []

    @property
    def lines(self) -> int:
        """How many headers there are."""
        return max(self.text.count(b"\r\n") - 2, 0)

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """All headers, names in lower case."""
        lines = self.text.split(b"\r\n")[1:]
        split = (line.partition(b":") for line in lines if line)
        return [(name.lower(), value.strip(b" \t")) for name, _, value in split]
