"""Identifiers that we mint: request ids and API keys.

Request id: `req_` YYYYMMDD, then 7 digits of the time of day in ms and 10 random ones
(base 32, Crockford). They sort by time and name the UTC day that holds their rows.

API key: `sk-ent-` and 40 random base-62 digits, then 6 digits of CRC-32 over all that
stands before. The checksum lets a gateway refuse a mistyped key without any look-up;
keys set by hand or imported carry none and have another prefix.
"""

import hashlib
import os
import secrets
import zlib

from entrepot.kit.clock import Clock, utc_day

KEY_PREFIX = "sk-ent-"
ADMIN_PREFIX = "adm-ent-"
_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = bytes(ord(_BASE32[byte & 31]) for byte in range(256))
"""Any byte as a digit: each comes from eight bytes."""
_RANDOM = 10
_PAIRS = tuple(a + b for a in _BASE32 for b in _BASE32)
_DAY = 86_400.0


class RequestIds:
    """Mints request ids, unique across workers and nodes (50 random bits within a millisecond)."""

    __slots__ = ("_at", "_clock", "_day", "_day_start", "_head", "_ms", "_pool")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._day = ""
        self._day_start = float("inf")
        self._ms = -1
        """Of the day, and what ids of this millisecond begin with."""
        self._head = ""
        self._pool = ""
        """Random digits, used up to `_at`."""
        self._at = 0

    def mint(self) -> str:
        """A new id."""
        now = self._clock.wall()
        since = now - self._day_start
        if not 0.0 <= since < _DAY:
            self._day = "req_" + utc_day(now)
            self._day_start = now - now % _DAY
            self._ms = -1
            since = now % _DAY
        ms = int(since * 1000)
        if ms != self._ms:
            self._ms, self._head = ms, self._day + _digits(ms, 7)
        at = self._at
        if at >= len(self._pool):
            self._pool, at = os.urandom(400 * _RANDOM).translate(_RANDOM_DIGITS).decode("ascii"), 0
        self._at = at + _RANDOM
        return self._head + self._pool[at : self._at]


def request_day(request_id: str) -> str | None:
    """The UTC day (YYYYMMDD) that a request id names, or None where it is not one of ours."""
    day = request_id[4:12]
    well_formed = len(request_id) == 29 and request_id.startswith("req_") and day.isascii() and day.isdigit()
    return day if well_formed else None


def first_request_id(wall_us: int) -> str:
    """No id that was minted at this moment (microseconds since 1970) or later sorts before it."""
    seconds, rest = divmod(wall_us, 1_000_000)
    return f"req_{utc_day(seconds)}{_digits(seconds % 86_400 * 1000 + rest // 1000, 7)}"


def mint_key(prefix: str = KEY_PREFIX) -> str:
    """A new secret with its checksum."""
    body = prefix + "".join(secrets.choice(_BASE62) for _ in range(40))
    return body + _checksum(body)


def key_is_mistyped(secret: str, prefix: str = KEY_PREFIX) -> bool:
    """True where the secret has our prefix but not the checksum that we would have given it."""
    return secret.startswith(prefix) and secret[-6:] != _checksum(secret[:-6])


def key_hash(secret: str) -> str:
    """SHA-256 in hex: the only form in which a key is kept."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def key_hint(secret: str) -> str:
    """What may be shown of a secret: enough to tell it from its neighbours."""
    return f"{secret[:7]}…{secret[-4:]}" if len(secret) >= 20 else "…"


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode("utf-8", "surrogateescape"))
    digits = ""
    for _ in range(6):
        value, rest = divmod(value, 62)
        digits = _BASE62[rest] + digits
    return digits


def _digits(value: int, width: int) -> str:
    """`value` in base 32 with `width` digits, two at a time."""
    out = ""
    for shift in range(0, 5 * (width - width % 2), 10):
        out = _PAIRS[(value >> shift) & 1023] + out
    return _BASE32[(value >> (5 * (width - 1))) & 31] + out if width % 2 else out
