"""The kinds of values that resources take: each says what it accepts, in the same words everywhere.

API bodies, configuration files and commands all pass through these types, so a wrong CIDR
network reads the same in each.
"""

import ipaddress
import re
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from entrepot.core.money import NANO, MoneyError, parse_ratio, parse_usd
from entrepot.kit.clock import iso

MICRO = 1_000_000
_MOST_USD = 1_000_000_000
_SPANS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_NAME = re.compile(r"[^\x00-\x1f\x7f]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
_Value = TypeVar("_Value")
UNLIMITED = "unlimited"
_FOREVER = 253_402_300_800  # the year 10000: later times cannot be written down


class Spec(BaseModel):
    """What a caller may say about a resource. Unknown fields are refused, types are not guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class View(BaseModel):
    """What a resource shows of itself."""

    model_config = ConfigDict(frozen=True)


def _name(value: str) -> str:
    stripped = value.strip()
    if not _NAME.fullmatch(stripped):
        raise ValueError("is empty or holds control characters")
    return stripped


def _label(value: str) -> str:
    if "/" in value:
        raise ValueError("holds a slash: it would not fit into the path of an address")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value.strip(), strict=False))
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address or CIDR network") from None


def _decimal(value: object) -> object:
    if isinstance(value, (int, float)):
        raise ValueError('is a decimal in quotes, such as "0.15": a bare number loses digits')  # noqa: TRY004 pydantic's word
    return value


def _amount(value: str) -> str:
    try:
        nano = parse_usd(value)
    except MoneyError as error:
        raise ValueError(str(error)) from None
    if abs(nano) > _MOST_USD * NANO:
        raise ValueError(f"{value!r} is out of range: at most {_MOST_USD} USD")
    return value


def _usd(value: str) -> str:
    if parse_usd(_amount(value)) < 0:
        raise ValueError(f"{value!r} is negative")
    return value


def _unlimited(value: object) -> object:
    return None if value == UNLIMITED else value


def _ratio(value: str) -> str:
    try:
        parse_ratio(value)
    except MoneyError as error:
        raise ValueError(str(error)) from None
    return value


def _moment(value: str) -> str:
    parse_moment(value, 0)
    return value


def _text(value: str) -> str:
    if "\x00" in value:
        raise ValueError("holds a NUL character, which no database keeps")
    return value


def _url(value: str) -> str:
    if not value.isprintable() or " " in value:
        raise ValueError("holds characters that no URL has")
    return value


def _proxy(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not value.isprintable() or " " in value or (value and (scheme not in _PROXY_SCHEMES or not separator or not rest)):
        raise ValueError(f"is a proxy URL: one of {', '.join(_PROXY_SCHEMES)}, then ://host:port")
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if not text.isprintable() or not text.isascii():
            raise ValueError(f"the value of {name!r} is not printable ASCII")
    return {name.lower(): text for name, text in value.items()}


Name = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_name)]
"""A name that people type: 1 to 128 characters, no control characters."""
Label = Annotated[Name, AfterValidator(_label)]
"""The name of a user, group or channel: a `Name` without a slash."""
Names = Annotated[list[Name], Field(max_length=10_000)]
Text = Annotated[str, Field(max_length=4000), AfterValidator(_text)]
"""A text for people."""
Network = Annotated[str, AfterValidator(_network)]
"""An IP address or CIDR network, in its canonical form."""
Usd = Annotated[str, BeforeValidator(_decimal), AfterValidator(_usd)]
"""USD as a decimal string, not negative, no finer than 1e-9."""
SignedUsd = Annotated[str, BeforeValidator(_decimal), AfterValidator(_amount)]
"""The same, which may be negative."""
Ratio = Annotated[str, BeforeValidator(_decimal), AfterValidator(_ratio)]
"""A multiplier as a decimal string, not negative, no finer than 1e-6."""
Moment = Annotated[str, AfterValidator(_moment)]
"""RFC 3339, a day (`2027-01-31`, its first second in UTC), a span (`90m`, `12h`, `30d`, `4w`) or `never`."""
BaseUrl = Annotated[str, AfterValidator(_url)]
"""URL as the vendor's own SDK takes it, `self:sandbox`, or empty for the vendor's own address."""
Proxy = Annotated[str, AfterValidator(_proxy)]
HeaderMap = Annotated[dict[str, str], AfterValidator(_headers)]
Limit = Annotated[int, Field(ge=1, le=2**53)]
"""A positive whole number."""
UnlessUnlimited = Annotated[_Value | None, BeforeValidator(_unlimited)]
"""A limit that can be lifted: by null, or by the word `unlimited` where there is no null."""
Seconds = Annotated[float, Field(gt=0, le=86_400, strict=False)]


Stickiness = Literal["", "off", "key", "session", "prefix"]
"""What keeps calls on one channel; empty is the default."""


class TimeoutTable(Spec):
    """Seconds; what is left out has its default."""

    connect: Seconds | None = None
    first_byte: Seconds | None = None
    idle: Seconds | None = None
    total: Seconds | None = None


def parse_moment(text: str, start: int) -> int | None:
    """Microseconds since 1970; spans count from `start`, `never` is None. Raises ValueError."""
    if text == "never":
        return None
    span = _SPAN.fullmatch(text)
    try:
        if span:
            seconds = int(span[1]) * _SPANS[span[2]]
            _check(start // MICRO + seconds)
            return start + seconds * MICRO
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        _check(seconds)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time: write 2027-01-31T00:00:00Z, a span such as 30d, or never") from None
    return int(seconds * MICRO)


def show_moment(micro: int | None) -> str | None:
    """Microseconds as RFC 3339."""
    return None if micro is None else iso(micro / MICRO)


def _check(seconds: float) -> None:
    if not 0 <= seconds < _FOREVER:
        raise ValueError("out of range")
