"""JSON as vendors really write it, for reading only."""

import re

_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_PAIR_OR_HALF = re.compile(rf"({_HIGH}{_LOW})|{_HIGH}|{_LOW}")
_NOT_A_NUMBER = re.compile(r"(?<=[:\[,\s])-?(?:NaN|Infinity)(?=[,\]\s}])")
_CONTROL = re.compile(r"[\x00-\x1f]")


def mended(payload: bytes) -> bytes:
    """Bytes with what msgspec refuses and others write (NaN, half surrogate pairs, bad UTF-8, raw control characters) replaced.

    For reading only; what is passed on keeps its bytes.
    """
    text = payload.decode("utf-8", "replace")
    text = _PAIR_OR_HALF.sub(lambda found: found[1] or "\N{REPLACEMENT CHARACTER}", text)
    return _CONTROL.sub(" ", _NOT_A_NUMBER.sub("null", text)).encode()
