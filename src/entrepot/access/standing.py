"""How near its limits a call is, as clients are told."""

import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from entrepot.access.limits_allowance import Allowance
from entrepot.kit.clock import iso


class Left(msgspec.Struct, frozen=True, gc=False):
    """What is left of a limit (contract: core/call.py, Standing)."""

    kind: Literal["requests", "tokens"]
    limit: int
    remaining: int
    seconds: float
    """Until nothing counts any more if nothing comes."""
    wall: float
    """When this was so: wall time in seconds."""

    def resets_in(self) -> str:
        """As in OpenAI's x-ratelimit-reset headers."""
        return duration(self.seconds)

    def resets_at(self) -> str:
        """As in Anthropic's anthropic-ratelimit-reset headers."""
        return iso(math.ceil(self.wall + self.seconds))


def left(allowances: Iterable[Allowance], now: float, wall: float) -> tuple[Left, ...]:
    """Of each kind the limit with the least left. `now`: as the allowances know it; `wall`: wall time in seconds."""
    found: list[Left] = []
    for kind in ("requests", "tokens"):
        tight = [(a.remaining(now), a.limit, a) for a in allowances if a.kind == kind]
        if tight:
            remaining, limit, allowance = min(tight, key=lambda triple: triple[:2])
            found.append(Left(kind, limit, min(remaining, limit), allowance.resets_in(now), wall))
    return tuple(found)


def duration(seconds: float) -> str:
    """As in OpenAI's x-ratelimit-reset headers: `2ms`, `8.64s`, `6m0s`, `1h0m0s`."""
    milliseconds = max(round(seconds * 1000), 0)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    whole, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(whole, 60)
    tail = f"{second}.{rest:03d}".rstrip("0") if rest else str(second)
    if not minutes:
        return f"{tail}s"
    hours, minute = divmod(minutes, 60)
    return f"{hours}h{minute}m{tail}s" if hours else f"{minute}m{tail}s"
