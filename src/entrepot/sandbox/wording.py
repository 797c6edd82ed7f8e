"""Text as tokens: one simple cut that serves counting, capping and streaming alike.

A `Text` is what a model says. `Plain` is any text; `Tale` is the endless story, cut and encoded
once, so that a stream of a million tokens costs no more memory than one of ten.
"""

import re
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Protocol

from entrepot.kit import json

_TOKEN = re.compile(r"\s*(?:[A-Za-z0-9_']{1,12}|[^\sA-Za-z0-9_']{1,2})|\s+")
_EXACT = 4096
"""Characters up to which words are looked at; longer texts are cut into `_WIDTH` characters."""
_WIDTH = 4

_STORY = (
    "The harbour woke before the sun. A grey barge came in from the river, heavy with tea and paper, and a tall ship "
    "waited at the other side of the quay with its hold open. Nobody asked where the crates had been; the clerk read "
    "each label, weighed each box, wrote one line in the ledger, and waved it on. By noon the barge rode high and the "
    "ship rode low, and not a single crate had been lost on the way. \u201cThat,\u201d said the clerk, \u201cis all a "
    "good port has to do.\u201d Then the tide turned, and the next barge came in.\n\n"
)


class Text(Protocol):
    """What a model says, as a whole or token by token."""

    @property
    def count(self) -> int:
        """Number of tokens."""
        ...

    def whole(self) -> str:
        """All of it."""
        ...

    def pieces(self) -> Iterator[str]:
        """The tokens; joined they are the whole."""
        ...

    def encoded(self) -> Iterator[bytes]:
        """The tokens as JSON strings."""
        ...

    def head(self, tokens: int) -> "Text":
        """The first so many tokens."""
        ...


class Plain:
    """Any text. `coarse` cuts it by characters; a long text always is."""

    __slots__ = ("_coarse", "_text")

    def __init__(self, text: str, *, coarse: bool = False) -> None:
        self._text = text
        self._coarse = coarse or len(text) > _EXACT

    @property
    def count(self) -> int:
        return (len(self._text) + _WIDTH - 1) // _WIDTH if self._coarse else len(_TOKEN.findall(self._text))

    def whole(self) -> str:
        return self._text

    def pieces(self) -> Iterator[str]:
        if self._coarse:
            return (self._text[at : at + _WIDTH] for at in range(0, len(self._text), _WIDTH))
        return iter(_TOKEN.findall(self._text))

    def encoded(self) -> Iterator[bytes]:
        return map(json.encode, self.pieces())

    def head(self, tokens: int) -> Text:
        if self._coarse:
            return Plain(self._text[: tokens * _WIDTH], coarse=True)
        return Plain("".join(_TOKEN.findall(self._text)[:tokens]))


class Tale:
    """The same story over and over, up to a number of tokens."""

    __slots__ = ("count",)

    def __init__(self, tokens: int) -> None:
        self.count = tokens

    def whole(self) -> str:
        rounds, rest = divmod(self.count, len(_STORY_PIECES))
        return _STORY * rounds + "".join(_STORY_PIECES[:rest])

    def pieces(self) -> Iterator[str]:
        return islice(cycle(_STORY_PIECES), self.count)

    def encoded(self) -> Iterator[bytes]:
        return islice(cycle(_STORY_ENCODED), self.count)

    def head(self, tokens: int) -> Text:
        return Tale(min(tokens, self.count))


def pieces(text: str) -> Iterator[str]:
    """The tokens of a text; joined they give it back."""
    return Plain(text).pieces()


def count(text: str) -> int:
    """Number of tokens of a text."""
    return Plain(text).count


def until(text: str, stops: list[str]) -> str:
    """The text up to the first stop sequence, which is left out."""
    ends = [at for stop in stops if stop and (at := text.find(stop)) != -1]
    return text[: min(ends)] if ends else text


_STORY_PIECES = tuple(pieces(_STORY))
_STORY_ENCODED = tuple(json.encode(piece) for piece in _STORY_PIECES)
