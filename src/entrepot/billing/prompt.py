"""How long is a prompt? By class of byte, from the bytes as they came; never a tokenizer.

Texts of messages are found by a decoder that skips the rest, which is quicker than any search through the bytes. Everything
else that may hold a picture, a sound or a link is looked through, begun at quotation marks only.
"""

import re
from typing import Final, NamedTuple

import msgspec

from entrepot.core.counting import NARROW_PER_TOKEN, WIDE_PER_TOKEN
from entrepot.kit.json import Members

_LINK_TOKENS: Final = 1000
"""A picture or document that the vendor fetches: about a large picture at most vendors."""
_DATA_TOKENS: Final = 300
_DATA_LENGTH: Final = 400
"""Characters of base64 a token, beside a flat part: a picture of 1 MB makes 3,500, a minute of speech at 64 kbit/s 1,900."""
_PDF: Final = b"JVBERi"
"""How a PDF begins in base64."""
_PDF_LENGTH: Final = 16
"""Characters of a PDF's base64 a token: Anthropic's models read a page of text, of 25 to 50 KB, as some 2,350."""
_DATA_LEAST: Final = 1024
"""Characters of base64 that are no text any more."""
_SHORT: Final = 24
"""Bytes of a member that cannot hold any of this."""
_REST: Final = 4096
"""Bytes of messages beside texts and parts, from which on all is looked through: some vendors put pictures there."""
_TEXTS: Final = frozenset(("text", "input_text", "output_text"))
_TOOLS: Final = frozenset(("tools", "functions", "response_format"))
"""Members that hold schemas: long, full of quotation marks, and without pictures."""

_MARK = re.compile(
    rb'"(?:(?P<link>(?:url|image_url|file_url|fileUri|file_uri|file_id)"\s*:\s*"(?!data:))'
    rb'|(?P<hour>ttl"\s*:\s*"1h")'
    rb'|(?P<data>(?:data:[^"]{0,200};base64,)?[A-Za-z0-9+/=_\\-]{64}))'
)
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-\\"
"""With the backslash that some encoders put before a slash."""
_ASCII = bytes(range(128))


class Prompt(NamedTuple):
    """What a request's prompt is, about."""

    tokens: int
    hour: bool
    """It asks for a cache that lasts an hour."""


class _Cache(msgspec.Struct, gc=False):
    ttl: str | None = None


class _Part(msgspec.Struct, gc=False):
    type: str = ""
    text: str | None = None
    cache_control: _Cache | None = None


class _Turn(msgspec.Struct, gc=False):
    content: str | list[msgspec.Raw] | None = None


_read_turns = msgspec.json.Decoder(list[_Turn]).decode
_read_part = msgspec.json.Decoder(_Part).decode
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_prompt(members: Members) -> Prompt:
    """Tokens of a request, about: texts by class of byte, pictures and sounds by their size."""
    reading = _Reading()
    for name, raw in members.items():
        size = len(raw)
        reading.narrow += size
        if size < _SHORT:
            continue
        if name == "messages":
            reading.messages(raw)
        else:
            reading.anything(name, bytes(raw))
    return Prompt(round(reading.narrow / NARROW_PER_TOKEN + reading.wide / WIDE_PER_TOKEN) + reading.more, reading.hour)


class _Reading:
    """Adds up. All bytes are narrow at first; what turns out to be something else is taken off again."""

    __slots__ = ("_escaped", "hour", "more", "narrow", "wide")

    def __init__(self) -> None:
        self._escaped: bool | None = None
        """Are wide characters of the messages written as escapes? Not known before the first."""
        self.narrow: int = 0
        """Bytes of text with some four to a token."""
        self.wide: float = 0.0
        """Characters with some three to two tokens."""
        self.more: int = 0
        """Tokens of what is no text."""
        self.hour: bool = False

    def messages(self, raw: msgspec.Raw) -> None:
        """Texts of turns and of their parts; tool calls and the rest of a turn count as they stand."""
        try:
            turns = _read_turns(raw)
        except _UNREADABLE:
            self.look(bytes(raw))
            return
        before = self.narrow, self.wide, self.more, self.hour
        known = sum([self.turn(turn.content, raw) for turn in turns])
        if _REST < len(raw) - known > len(raw) // 2:
            self.narrow, self.wide, self.more, self.hour = before
            self.look(bytes(raw))

    def turn(self, content: str | list[msgspec.Raw] | None, raw: msgspec.Raw) -> int:
        """A turn's content, out of these bytes. Gives how many of them it is, about."""
        if isinstance(content, str):
            if content.isascii():
                return len(content)
            if self._escaped is None:
                self._escaped = bytes(raw).isascii()
            return self.text(content, escaped=self._escaped)
        return sum([self.part(part) for part in content]) if content else 0

    def part(self, raw: msgspec.Raw) -> int:
        """A text, or anything else."""
        try:
            part = _read_part(raw)
        except _UNREADABLE:
            part = _Part()
        if part.text is None or part.type not in _TEXTS:
            self.look(bytes(raw))
        elif not part.text.isascii():
            self.text(part.text, escaped=bytes(raw).isascii())
        if part.cache_control is not None and part.cache_control.ttl == "1h":
            self.hour = True
        return len(raw)

    def text(self, text: str, *, escaped: bool) -> int:
        """A text with characters beyond ASCII, in UTF-8 or as escapes of six bytes. Gives how many bytes that was, about."""
        extra = len(text.encode("utf-8", "surrogatepass")) - len(text)
        wide = min(extra / 2, len(text))
        if escaped:
            extra = 5 * (len(text) - len(text.encode("ascii", "ignore")))
        self.wide += wide
        self.narrow -= int(wide) + extra
        return len(text) + extra

    def anything(self, name: str, value: bytes) -> None:
        """A member that is not messages."""
        if name in _TOOLS:
            self.hour = self.hour or b'"1h"' in value
            self.characters(value)
        elif value[:1] == b'"' and value[1:6] != b"data:":
            self.characters(value)
        else:
            self.look(value)

    def look(self, value: bytes) -> None:
        """Find pictures, sounds, links."""
        for mark in _MARK.finditer(value):
            if mark.lastgroup == "link":
                self.more += _LINK_TOKENS
            elif mark.lastgroup == "data":
                self.data(value, mark.start("data"), mark.end())
            else:
                self.hour = True
        self.characters(value)

    def data(self, value: bytes, start: int, sure: int) -> None:
        """What may be base64, as far as `sure` it looks like that."""
        end = value.find(b'"', sure)
        if end - start >= _DATA_LEAST and not value[sure:end].translate(None, _BASE64):
            each = _PDF_LENGTH if _PDF in value[start:sure] else _DATA_LENGTH
            self.more += _DATA_TOKENS + (end - start) // each
            self.narrow -= end - start

    def characters(self, value: bytes) -> None:
        """Take wide characters for what they are, raw ones and escaped ones."""
        if not value.isascii():
            outside = len(value.translate(None, _ASCII))
            self.wide += outside / 3
            self.narrow -= outside
        if b"\\" in value and (escaped := value.count(b"\\u")):
            self.wide += escaped
            self.narrow -= 6 * escaped
