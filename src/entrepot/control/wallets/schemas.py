"""What can be said about money in a wallet."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from entrepot.control.fields import SignedUsd, Spec, Text, View
from entrepot.core.money import parse_usd

Kind = Literal["topup", "gift", "refund", "adjustment"]
"""Why an administrator changes a wallet."""
RESERVED = ("usage:", "shortfall:", "opening:")
"""Beginnings of references that the program gives by itself."""


def _reference(value: str) -> str:
    if value.startswith(RESERVED):
        raise ValueError(f"begins with {value.partition(':')[0]!r}: such references are the program's own")
    return value


Reference = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_reference)]
"""Names one change of money, for ever: printable ASCII without spaces."""


class CreditCreate(Spec):
    """Money for a wallet."""

    amount: SignedUsd
    """USD, above zero; an adjustment may be below and takes money away."""
    kind: Kind = "topup"
    reference: Reference | None = None
    """Unique: the same one again changes nothing. Minted where left out."""
    note: Text = ""
    """For people."""

    @model_validator(mode="after")
    def _sign(self) -> Self:
        nano = parse_usd(self.amount)
        if nano == 0:
            raise ValueError("amount is zero: there is nothing to book")
        if nano < 0 and self.kind != "adjustment":
            raise ValueError("amount is below zero: only an adjustment takes money away")
        return self


class BalanceView(View):
    """What a user has. USD."""

    user: str
    unlimited: bool
    """True for the installation's own account: it pays from the house account, which may be below zero."""
    total: str
    """What is left: remaining and outstanding."""
    remaining: str
    """Not leased to a worker."""
    outstanding: str
    """Leased to workers and not spent; calls that run have reserved a part of it."""


class EntryView(View):
    """One row of the ledger: why a wallet changed."""

    id: int
    account: str
    """The user's name; `house` for the house account."""
    kind: str
    """opening, topup, gift, refund, adjustment, usage (one row an hour, which grows during the hour) or shortfall."""
    amount: str
    """USD; below zero where money went out."""
    reference: str
    note: str
    at: str


class CreditView(View):
    """What became of a credit."""

    applied: bool
    """False: it was booked before, and nothing was changed."""
    entry: EntryView
    balance: BalanceView


class VerifyView(View):
    """Every sum that must hold, computed on one snapshot of the database. USD."""

    ok: bool
    wallets: int
    remaining: str
    """Of all wallets and the house account."""
    outstanding: str
    """Leased and not spent, likewise."""
    ledger: str
    """Sum of the ledger: remaining and outstanding together."""
    charged: str
    """Sum of what wallets paid for calls."""
    posted: str
    """Sum of the ledger's rows of kind usage: the same."""
    shortfall: str
    """What calls cost beyond what wallets could pay."""
    open_journals: int
    findings: list[str]
    """What does not hold; empty where all does."""
