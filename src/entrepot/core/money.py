"""Money is an integer: nano-USD (1e-9 USD). Ratios are parts per million.

On the wire and in files money is a decimal string in USD, never a float.
"""

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from typing import Final

NANO: Final = 1_000_000_000
PPM: Final = 1_000_000
_MAX_NANO: Final = 2**63 - 1


class MoneyError(ValueError):
    """Not an amount, finer than nano-USD, or out of range."""


def parse_usd(text: str) -> int:
    """A decimal string in USD as nano-USD. Raises MoneyError."""
    return _scaled(text, NANO, "an amount in USD")


def parse_ratio(text: str) -> int:
    """A decimal string as parts per million. Raises MoneyError."""
    ppm = _scaled(text, PPM, "a ratio")
    if ppm < 0:
        raise MoneyError("a ratio cannot be negative")
    return ppm


def format_usd(nano: int) -> str:
    """nano-USD as the shortest exact decimal string in USD."""
    return _shortest(nano, NANO)


def format_ratio(ppm: int) -> str:
    """Parts per million as the shortest exact decimal string."""
    return _shortest(ppm, PPM)


def _scaled(text: str, scale: int, what: str) -> int:
    # Python's default context rounds to 28 digits in silence; this one refuses what it cannot hold.
    exact = Context(prec=60, Emax=99, Emin=-99, traps=[InvalidOperation, Inexact, Overflow])
    try:
        value = exact.multiply(exact.create_decimal(text), Decimal(scale))
    except ArithmeticError:
        raise MoneyError(f"{text!r} is not {what}") from None
    if not value.is_finite():
        raise MoneyError(f"{text!r} is not {what}")
    if value != value.to_integral_value():
        raise MoneyError(f"{text!r} is not {what} (too many digits)")
    if abs(value) > _MAX_NANO:
        raise MoneyError(f"{text!r} is out of range")
    return int(value)


def _shortest(value: int, scale: int) -> str:
    whole, part = divmod(abs(value), scale)
    digits = str(part).rjust(len(str(scale)) - 1, "0").rstrip("0")
    return ("-" if value < 0 else "") + str(whole) + (f".{digits}" if digits else "")
