"""A receipt: what one call cost and why, made from its usage row. It names no content and no channel keys."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from entrepot.core.money import format_ratio, format_usd
from entrepot.kit import json

_MICRO = 1_000_000
_SHOWN: Final = {"searches": "search"}
"""A usage row counts them in the plural; the price is named in the singular."""


class PublicAttempt(msgspec.Struct, frozen=True):
    """One try on one channel, by its public label."""

    channel: str
    status: int
    """The vendor's HTTP status; 0 where none came."""
    ms: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """As `GET /v1/receipts/{id}` shows it. Money is a decimal string in USD."""

    object: str = "receipt"
    id: str
    created: int
    """Seconds since 1970 UTC."""
    model: str
    group: str | None
    operation: str
    status: str
    """`ok`, `refused`, `interrupted` or `client_left`."""
    basis: str
    """Who counted: `vendor`, `counted` (by us), or `none`."""
    usage: dict[str, int]
    """Tokens by kind (disjoint: they add up to what the vendor took and gave), and units."""
    prices: dict[str, str]
    """USD per 1 M tokens by kind, or per unit, before the ratio."""
    ratio: str
    charge: str
    """What was paid for the call."""
    shortfall: str | msgspec.UnsetType = msgspec.UNSET
    """What the call cost beyond that, and nobody pays; absent where there is none."""
    disconnect: str | None
    """The policy for clients that leave: `cancel`, `drain` or `free-if-empty`; null where no channel served."""
    waived: str | msgspec.UnsetType = msgspec.UNSET
    """What the call would have cost but for such a policy (nothing delivered, or broken off); absent where there is none."""
    attempts: list[PublicAttempt]
    dropped: list[str]
    price_book: str


class UsageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The columns of a usage row that a receipt is made of; JSON columns as their text."""

    id: str
    arrived_at: int
    model: str
    group_name: str | None
    operation: str
    outcome: str
    basis: str
    tokens: str
    prices: str
    ratio_ppm: int
    charge: int
    shortfall: int
    disconnect: str
    waived: int
    attempts: str
    dropped: str
    price_book: str


FACTS: Final = UsageFacts.__struct_fields__
"""The columns, in the order of `facts_of`."""


def facts_of(row: Sequence[Any]) -> UsageFacts:
    """The facts of a row that was selected by the columns FACTS."""
    return UsageFacts(**dict(zip(FACTS, row, strict=True)))


def receipt(facts: UsageFacts) -> Receipt:
    """The receipt of a call."""
    tokens: dict[str, int] = json.decode(facts.tokens)
    prices: dict[str, int] = json.decode(facts.prices)
    return Receipt(
        id=facts.id,
        created=facts.arrived_at // _MICRO,
        model=facts.model,
        group=facts.group_name,
        operation=facts.operation,
        status=facts.outcome,
        basis=facts.basis,
        usage={_SHOWN.get(kind, kind): count for kind, count in tokens.items()},
        prices={kind: format_usd(nano) for kind, nano in prices.items()},
        ratio=format_ratio(facts.ratio_ppm),
        charge=format_usd(facts.charge),
        shortfall=format_usd(facts.shortfall) if facts.shortfall else msgspec.UNSET,
        disconnect=facts.disconnect or None,
        waived=format_usd(facts.waived) if facts.waived else msgspec.UNSET,
        attempts=[_public(attempt) for attempt in json.decode(facts.attempts)],
        dropped=json.decode(facts.dropped),
        price_book=facts.price_book,
    )


def _public(attempt: dict[str, Any]) -> PublicAttempt:
    return PublicAttempt(attempt["channel"], attempt["status"], round(attempt["ms"]))
