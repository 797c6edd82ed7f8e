"""Which calls a filter means: ids of what it names, and its span of time."""

from typing import Any, NamedTuple

from sqlalchemy import Table, select

from entrepot.control.errors import InvalidError
from entrepot.control.fields import parse_moment
from entrepot.control.services import Transaction
from entrepot.control.usage.schemas import UsageFilter
from entrepot.store.schema import channels, users

NOBODY = -1
"""Stands for a name that nothing has: it fits no call."""


class Chosen(NamedTuple):
    """A filter with ids in the place of names; times in microseconds since 1970 UTC. None does not narrow."""

    key_id: int | None
    user_id: int | None
    channel_id: int | None
    model: str | None
    status: int | None
    outcome: str | None
    since: int | None
    until: int | None

    @property
    def singly(self) -> bool:
        """Does it ask for what sums by the hour do not know?"""
        return self.status is not None or self.outcome is not None


async def resolve(tx: Transaction, chosen: UsageFilter) -> Chosen:
    """Look the names up. Raises InvalidError."""
    return Chosen(
        key_id=chosen.key,
        user_id=await _find(tx, users, chosen.user),
        channel_id=await _find(tx, channels, chosen.channel),
        model=chosen.model,
        status=chosen.status,
        outcome=chosen.outcome,
        since=_moment(tx, "since", chosen.since),
        until=_moment(tx, "until", chosen.until),
    )


async def _find(tx: Transaction, table: Table, name: str | None) -> int | None:
    if name is None:
        return None
    found: Any = await tx.scalar(select(table.c.id).where(table.c.name == name))
    return NOBODY if found is None else int(found)


def _moment(tx: Transaction, field: str, text: str | None) -> int | None:
    """A span is a time in the past here: `24h` is a day ago."""
    if text is None:
        return None
    if text == "never":
        raise InvalidError(f"{field}: 'never' is no time in the past", field)
    if text[-1] in "mhdw":
        return max(tx.now - (parse_moment(text, 0) or 0), 0)
    return parse_moment(text, tx.now)
